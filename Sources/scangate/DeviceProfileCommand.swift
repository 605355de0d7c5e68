internal import Gateway
internal import Model
internal import Scanners

enum DeviceProfileCommand {
    static let profiles = Command(
        name: "device profiles", usage: "[NAME[/MODE]] [--json]",
        summary: "the kinds of scanners there are; with NAME how to set one up",
        details: """
            Without NAME a row a mode: NAME/MODE is what --profile takes. USB is what lsusb shows of such a scanner, `?` any
            digit, `*` any product. SIGNALS is what the scanner itself can be told: of the other signals it makes no sound.

            example: scangate device profiles zebra/ssi
            """,
        options: []
    ) { arguments in
        guard arguments.operands.count < 2 else { return _ = try arguments.operands("NAME") }
        let settings = try arguments.session().configuration.scanners
        guard let name = arguments.operands.first else {
            guard !arguments.has("json") else { return print(settings.profilesJSON(settings.profiles.all)) }
            return table(settings.profiles.all)
        }
        let match: DeviceProfiles.Match
        do throws(DeviceProfiles.Mistake) { match = try settings.profiles.find(name) } catch {
            throw CommandError(
                Safe.text(error.description, limit: 2000), hint: "see them all: scangate device profiles", exit: .usage)
        }
        if arguments.has("json") {
            print(settings.profilesJSON([match.profile]))
        } else {
            Output.text(settings.describe(match.profile, mode: name.contains("/") ? match.mode.name : nil))
        }
    }

    private static func print(_ json: [UInt8]) { Output.line(String(decoding: json, as: UTF8.self)) }

    private static func table(_ profiles: [DeviceProfile]) {
        let rows = profiles.flatMap { profile in
            profile.modes.enumerated().map { place, mode in
                let signals = [
                    mode.signals.count == Signal.allCases.count
                        ? "all" : mode.signals.map(\.rawValue).joined(separator: ",")
                ]
                let told = (signals + (mode.hasTrigger ? ["trigger"] : [])).filter { !$0.isEmpty }
                return [
                    "\(profile.name)/\(mode.name)", mode.kind.rawValue, told.joined(separator: ","),
                    mode.usb.map(\.description).joined(separator: " "), place == 0 ? profile.title : "",
                ]
            }
        }
        Output.table(["PROFILE", "KIND", "SIGNALS", "USB", "TITLE"], rows)
    }
}
