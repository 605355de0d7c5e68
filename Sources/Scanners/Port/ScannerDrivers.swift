public import Model
public import Posix

/// Which driver reads a device.
public enum ScannerDrivers {
    /// What makes a fresh driver for each opening of the device's node, from its options as the registry keeps them.
    ///
    /// Throws `ScannerOptionMistake`.
    ///
    /// - Parameter keeper: keeps keyboards grabbed over a restart; nil gives them back at the end.
    public static func make(
        _ kind: NodeKind, _ options: [String: String], keeper: (any GrabKeeper)? = nil, clock: TimeSource = .system
    ) throws(ScannerOptionMistake) -> @Sendable () -> any ScannerDriver {
        switch kind {
        case .serial:
            let settings = try SerialSettings(options: options)
            if settings.language == .ssi { return { SSIDriver(settings, clock: clock) } }
            return { SerialDriver(settings) }
        case .keyboard:
            let settings = try KeyboardSettings(options: options)
            return { KeyboardDriver(settings, keeper: keeper) }
        case .hidpos:
            let settings = try HIDPOSSettings(options: options)
            return { HIDPOSDriver(settings) }
        }
    }

    /// What keeps a scanner's keyboard from typing anywhere: its keys are thrown away.
    public static func ignoring(keeper: (any GrabKeeper)? = nil) -> @Sendable () -> any ScannerDriver {
        { KeyboardDriver(.discard(KeyboardDriver.KeyCount()), keeper: keeper) }
    }
}
