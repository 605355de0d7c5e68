public import Model

/// Whose readings a node's are: one device's, or several devices' that a cordless base puts a prefix before.
public struct ScannerRoute: Sendable, Equatable {
    /// One scanner of a base.
    public struct Branch: Sendable, Equatable {
        /// What the scanner is programmed to send before each label; taken off.
        public let prefix: [UInt8]
        /// Whose labels they are.
        public let device: DeviceID

        /// A branch.
        public init(prefix: [UInt8], device: DeviceID) { (self.prefix, self.device) = (prefix, device) }
    }

    /// Longest prefix first.
    public let branches: [Branch]
    /// Whose the labels without a known prefix are; nil drops them.
    public let other: DeviceID?

    /// The node of one device.
    public init(_ device: DeviceID) { (branches, other) = ([], device) }

    /// A base with several scanners.
    public init(branches: [Branch], other: DeviceID? = nil) {
        self.branches = branches.sorted { ($0.prefix.count, $1.device.text) > ($1.prefix.count, $0.device.text) }
        self.other = other
    }

    /// Every device that may get readings.
    public var devices: [DeviceID] { branches.map(\.device) + (other.map { [$0] } ?? []) }

    /// Whose a label is, and the label without the prefix; nil where it is nobody's.
    public func resolve(_ bytes: [UInt8]) -> (device: DeviceID, bytes: [UInt8])? {
        if let branch = branches.first(where: { bytes.starts(with: $0.prefix) }) {
            // A prefix alone is no label.
            return bytes.count > branch.prefix.count
                ? (branch.device, Array(bytes.dropFirst(branch.prefix.count))) : nil
        }
        return other.map { ($0, bytes) }
    }
}
