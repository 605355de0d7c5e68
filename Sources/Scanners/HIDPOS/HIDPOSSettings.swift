public import Model

/// What `device add` takes for a HID point-of-sale scanner.
public struct HIDPOSSettings: Sendable, Equatable {
    /// How a read is started without the button.
    public enum TriggerCommand: String, Sendable, CaseIterable {
        /// As the report descriptor says; not at all where it says nothing.
        case auto
        /// By Honeywell's serial command SYN T CR, in the report that takes such commands: the one that the descriptor
        /// names, or else report 0xFD.
        case syn
        case none
    }

    /// Whether the AIM identifier is believed; where it is not, the bar code's type is unknown.
    public var hasAIM = true
    /// Bytes that begin every scan and are no part of it.
    public var prefix: [UInt8] = []
    /// Bytes that end every scan and are no part of it: some scanners send their CR here too.
    public var suffix: [UInt8] = []
    /// How a read is started.
    public var trigger = TriggerCommand.auto
    /// Reports that are written for a signal, as they are: id first. They go before the scanner's own.
    public var signals: [Signal: Answer] = [:]

    /// Everything has its default.
    public init() {}

    /// Reads the options as the registry keeps them.
    public init(options: [String: String]) throws(ScannerOptionMistake) {
        let reader = OptionReader(options: options)
        hasAIM = try reader.flag("aim", hasAIM)
        prefix = try reader.bytes("prefix", atMost: 32) ?? []
        suffix = try reader.bytes("suffix", atMost: 32) ?? []
        trigger = try reader.choice("trigger", trigger)
        signals = try reader.signals()
    }
}
