public import Model

/// `[[signal]]`: one output of the gateway, and the lanes that it speaks for.
public struct SignalSettings: Sendable, Equatable {
    /// What gives the signal.
    public enum Kind: Sendable, Equatable {
        /// A sound card: ALSA's name of a device, volume from 0 to 100.
        case sound(device: String, volume: Int)
        /// Lines of a GPIO chip (its path, name or label), by colour.
        case gpio(chip: String, lines: [Line], isActiveLow: Bool)
        /// A serial or HID node that takes bytes: one text for on, one for off, by colour. `baud` is of a serial line.
        case light(path: String, baud: UInt32, colours: [Colour])

        /// As the configuration writes it.
        public var name: String {
            switch self {
            case .sound: "sound"
            case .gpio: "gpio"
            case .light: "light"
            }
        }
    }

    /// One line of a GPIO chip.
    public struct Line: Sendable, Equatable {
        /// What patterns call it.
        public let colour: String
        /// Its offset.
        public let offset: UInt32

        /// A line.
        public init(colour: String, offset: UInt32) { (self.colour, self.offset) = (colour, offset) }
    }

    /// What a light takes.
    public struct Colour: Sendable, Equatable {
        /// What patterns call it.
        public let name: String
        /// Bytes that switch it on; at most 64, for a HID light one report with its number first.
        public let on: [UInt8]
        /// Bytes that switch it off.
        public let off: [UInt8]

        /// A colour.
        public init(name: String, on: [UInt8], off: [UInt8]) { (self.name, self.on, self.off) = (name, on, off) }
    }

    /// Unique.
    public let name: String
    /// The lanes whose signals it gives; empty means all.
    public let lanes: Set<LaneID>
    /// What gives them.
    public let kind: Kind
    /// Patterns in place of the shipped ones.
    public let patterns: [Signal: SignalPattern]

    /// An output.
    public init(name: String, lanes: Set<LaneID> = [], kind: Kind, patterns: [Signal: SignalPattern] = [:]) {
        self.name = name
        self.lanes = lanes
        self.kind = kind
        self.patterns = patterns
    }

    /// The colours of a light or of GPIO lines.
    public var colours: [String] {
        switch kind {
        case .sound: []
        case .gpio(_, let lines, _): lines.map(\.colour)
        case .light(_, _, let colours): colours.map(\.name)
        }
    }

    /// What the output does for a signal.
    public func pattern(of signal: Signal) -> SignalPattern {
        if let own = patterns[signal] { return own }
        if case .sound = kind { return SignalPatterns.sound[signal] ?? .silence }
        return (SignalPatterns.light[signal] ?? .silence).shown(in: colours)
    }

    /// The device or chip as the configuration names it.
    public var device: String {
        switch kind {
        case .sound(let device, _): device
        case .gpio(let chip, _, _): chip
        case .light(let path, _, _): path
        }
    }

    func speaks(for lane: LaneID) -> Bool { lanes.isEmpty || lanes.contains(lane) }
}
