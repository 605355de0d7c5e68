/// The profiles of all directories, and which of them suits a scanner. A value without I/O; any thread.
///
/// There is always a `generic` profile with a mode for each kind of node: where no file brings one, the built-in.
public struct DeviceProfiles: Sendable, Equatable {
    /// What suits a scanner.
    public struct Match: Sendable, Equatable {
        /// The family.
        public let profile: DeviceProfile
        /// How to talk to it; one of the profile's modes.
        public let mode: DeviceProfile.Mode

        /// `NAME/MODE`, as `--profile` takes it.
        public var name: String { "\(profile.name)/\(mode.name)" }
    }

    /// What is wrong with a profile's name, and what to write.
    public struct Mistake: Error, Sendable, Equatable, CustomStringConvertible {
        /// A sentence for people.
        public let description: String
    }

    /// By name.
    public let all: [DeviceProfile]
    // What an admin has written goes before what was shipped.
    private let byRank: [DeviceProfile]

    /// The built-in profile alone.
    public init() { self.init(layers: []) }

    /// The profiles of several directories; a later one's replaces an earlier one's of the same name.
    public init(layers: [[DeviceProfile]]) {
        var ranked: [DeviceProfile] = []
        for profile in layers.reversed().joined() where !ranked.contains(where: { $0.name == profile.name }) {
            ranked.append(profile)
        }
        if !ranked.contains(where: { $0.name == DeviceProfile.generic.name }) { ranked.append(.generic) }
        byRank = ranked
        all = ranked.sorted { $0.name < $1.name }
    }

    /// A profile by its name.
    public subscript(_ name: String) -> DeviceProfile? { all.first { $0.name == name } }

    /// What `--profile NAME` or `--profile NAME/MODE` means for a node of a kind.
    ///
    /// A name alone means the profile's first mode of that kind, and the first of all where no kind is asked for.
    public func find(_ text: String, kind: NodeKind? = nil) throws(Mistake) -> Match {
        let (profile, wanted) = try profile(text)
        if let wanted {
            guard kind == nil || wanted.kind == kind else {
                throw Mistake(
                    description:
                        "\(text) is for \(wanted.kind.rawValue) scanners, and this one is \(kind?.rawValue ?? "")"
                        + names(profile, kind))
            }
            return Match(profile: profile, mode: wanted)
        }
        guard let mode = profile.modes.first(where: { kind == nil || $0.kind == kind }) else {
            throw Mistake(
                description: "\(text) has no mode for \(kind?.rawValue ?? "these") scanners; it has "
                    + profile.modes.map { "\($0.name) (\($0.kind.rawValue))" }.joined(separator: ", "))
        }
        return Match(profile: profile, mode: mode)
    }

    /// The same for a node that is attached: of a name alone the mode that suits its USB id best.
    public func find(_ text: String, for node: AttachedNode) throws(Mistake) -> Match {
        let (profile, wanted) = try profile(text)
        guard wanted == nil else { return try find(text, kind: node.kind) }
        if let byID = Self.best([profile], for: node) { return byID }
        if profile.name == DeviceProfile.generic.name, let mode = profile.mode(ofLine: node) {
            return Match(profile: profile, mode: mode)
        }
        return try find(text, kind: node.kind)
    }

    /// What suits a node best: the profile with its exact USB id, else with most of its digits, else with its vendor,
    /// else the generic mode of its kind. Of equals an admin's before a shipped one, then the earlier name.
    public func best(for node: AttachedNode) -> Match {
        if let match = Self.best(byRank, for: node) { return match }
        for profile in [self[DeviceProfile.generic.name], .generic].compactMap({ $0 }) {
            let mode = profile.mode(ofLine: node) ?? profile.modes.first { $0.kind == node.kind }
            if let mode { return Match(profile: profile, mode: mode) }
        }
        fatalError("the built-in profile has a mode of each kind")
    }

    /// Whether a node is surely a scanner's, by its USB id: one whose product a keyboard's or point-of-sale scanner's
    /// mode names, or of a vendor that makes nothing else. Never for terminals, nor for what has no USB id.
    ///
    /// Such a keyboard may be grabbed though nobody has registered it; any other may be the admin's own.
    public func isKnownScanner(_ node: AttachedNode) -> Bool {
        guard let usb = node.usb, node.kind == .keyboard || node.kind == .hidpos else { return false }
        return all.contains { profile in
            let named = profile.modes.filter { $0.kind == node.kind }.flatMap(\.usb).filter(\.isExact)
            return (named + profile.onlyScanners).contains { $0.weight(for: usb) != nil }
        }
    }

    private static func best(_ profiles: [DeviceProfile], for node: AttachedNode) -> Match? {
        guard let usb = node.usb else { return nil }
        var best: (weight: Int, match: Match)?
        for profile in profiles {
            for mode in profile.modes where mode.kind == node.kind {
                let weight = mode.usb.compactMap { $0.weight(for: usb) }.max()
                if let weight, weight > best?.weight ?? 0 { best = (weight, Match(profile: profile, mode: mode)) }
            }
        }
        return best?.match
    }

    private func profile(_ text: String) throws(Mistake) -> (DeviceProfile, DeviceProfile.Mode?) {
        let parts = text.split(separator: "/", maxSplits: 1, omittingEmptySubsequences: false).map(String.init)
        guard let profile = self[parts[0]] else {
            throw Mistake(
                description: "there is no profile \(parts[0]); write one of \(all.map(\.name).joined(separator: ", "))")
        }
        guard parts.count == 2 else { return (profile, nil) }
        guard let mode = profile.modes.first(where: { $0.name == parts[1] }) else {
            throw Mistake(description: "\(profile.name) has no mode \(parts[1])" + names(profile, nil))
        }
        return (profile, mode)
    }

    private func names(_ profile: DeviceProfile, _ kind: NodeKind?) -> String {
        let names = profile.modes.filter { kind == nil || $0.kind == kind }.map { "\(profile.name)/\($0.name)" }
        return names.isEmpty ? "" : "; write \(names.joined(separator: " or "))"
    }
}

extension DeviceProfile {
    /// The mode for a terminal by its driver: `cdc` for USB CDC, `rs232` for every other line; nil where there is none
    /// of that name, or the node is no terminal.
    func mode(ofLine node: AttachedNode) -> Mode? {
        guard node.kind == .serial else { return nil }
        let name = node.driver == "cdc_acm" ? "cdc" : "rs232"
        return modes.first { $0.kind == .serial && $0.name == name }
    }
}
