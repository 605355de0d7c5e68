public import Crypto
public import Model

/// A scanner, camera or handheld as the registry has it. Its key is not in here.
public struct Device: Sendable, Equatable {
    /// How a device speaks to the gateway.
    public enum Kind: String, Sendable, CaseIterable {
        case serial, keyboard, hidpos, camera, network
    }

    /// The name, unique on this gateway.
    public var name: DeviceID
    /// How it speaks.
    public var kind: Kind
    /// The lane it scans for.
    public var lane: LaneID
    /// What it may scan: `parent`, `child`, or both.
    public var roles: Set<ScanRole>
    /// Disabled: known, but nothing of it is taken.
    public var isEnabled: Bool
    /// The id of its current key.
    public var kid: KeyID
    /// How it signs.
    public var algorithm: SignatureAlgorithm
    /// What its driver needs: port, baud, terminator and so on, as `device add` took them.
    public var options: [String: String]
    /// When it was added, milliseconds since 1970.
    public var addedMs: Int64
}

/// One key of a device, opened.
public struct DeviceKey: Sendable {
    /// The key's state.
    public enum State: String, Sendable {
        /// Signs scans now.
        case current
        /// Signed scans before a rotation; the backend keeps it for those that still wait.
        case previous
    }

    /// The key's id.
    public let kid: KeyID
    /// How it signs.
    public let algorithm: SignatureAlgorithm
    /// The key.
    public let key: HMACKey
    /// Its state.
    public let state: State

    /// The id of a key: the first 16 hex digits of SHA-256("scangate kid v1" LF key).
    public static func identify(_ key: [UInt8]) -> KeyID {
        let digest = SHA256.digest(Array("scangate kid v1\n".utf8) + key)
        guard let kid = KeyID(Hex.encode(digest.prefix(8))) else { fatalError("eight bytes are 16 hex digits") }
        return kid
    }
}
