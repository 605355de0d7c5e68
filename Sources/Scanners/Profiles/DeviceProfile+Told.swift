public import Model

extension DeviceProfile.Mode {
    /// The signals that a scanner in this mode can be told of: by its language, by bytes of the profile, by 0x06 and
    /// 0x15, or by a keyboard's lamps.
    public var signals: [Signal] {
        switch (kind, options["protocol"]) {
        case (.serial, "ssi"), (.serial, "honeywell"), (.serial, "datalogic"): return Signal.allCases
        case (.keyboard, _) where options["leds"] == "true": return Signal.allCases
        default: break
        }
        return Signal.allCases.filter { signal in
            let name = String(signal.rawValue.map { $0 == "-" ? "_" : $0 })
            return options["signal_\(name)"] != nil || options["ack"] == "true"
        }
    }

    /// Whether a read can be started without the scanner's button.
    public var hasTrigger: Bool {
        if options["trigger_on"] != nil || options["trigger"] == "syn" { return true }
        switch options["protocol"] {
        case "ssi", "honeywell", "datalogic", "gm65": return kind == .serial
        default: return false
        }
    }
}
