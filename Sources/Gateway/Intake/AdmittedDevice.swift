internal import Crypto
internal import Identity
internal import Model
internal import Posix
internal import Wire

/// An enabled device with its key, as the intake needs it. Anything not among these gets nothing into the spool.
struct AdmittedDevice: Sendable {
    let name: DeviceID
    let lane: LaneID
    let roles: Set<ScanRole>
    /// Nobody hears what becomes of its scans and scans again.
    let isCamera: Bool
    let kid: KeyID
    let algorithm: SignatureAlgorithm
    let sign: @Sendable ([UInt8]) -> [UInt8]

    /// Nil for a device that is disabled, or has no key that can sign.
    init?(_ device: Device, keys: [DeviceKey]) {
        guard device.isEnabled, let current = keys.first(where: { $0.state == .current && $0.kid == device.kid })
        else { return nil }
        name = device.name
        lane = device.lane
        roles = device.roles
        isCamera = device.kind == .camera
        kid = device.kid
        algorithm = current.algorithm
        switch current.algorithm {
        case .hs256: sign = { [key = current.key] in key.authenticate($0) }
        case .ed25519:
            guard let key = Ed25519PrivateKey(seed: current.key.bytes) else { return nil }
            sign = { key.sign($0) }
        }
    }
}
