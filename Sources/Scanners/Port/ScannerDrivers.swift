public import Model
public import Posix

/// Which driver reads a device.
public enum ScannerDrivers {
    /// What makes a fresh driver for each opening of the device's node, from its options as the registry keeps them.
    ///
    /// Throws `ScannerOptionMistake`. Keyboards are made elsewhere.
    public static func make(
        _ kind: NodeKind, _ options: [String: String], clock: TimeSource = .system
    ) throws(ScannerOptionMistake) -> @Sendable () -> any ScannerDriver {
        switch kind {
        case .serial:
            let settings = try SerialSettings(options: options)
            if settings.language == .ssi { return { SSIDriver(settings, clock: clock) } }
            return { SerialDriver(settings) }
        case .hidpos:
            let settings = try HIDPOSSettings(options: options)
            return { HIDPOSDriver(settings) }
        case .keyboard:
            throw ScannerOptionMistake("--kind \(kind.rawValue): this version cannot read it")
        }
    }
}
