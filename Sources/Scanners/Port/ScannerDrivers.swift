public import Model
public import Posix

/// Which driver reads a device.
public enum ScannerDrivers {
    /// What makes a fresh driver for each opening of the device's node, from its options as the registry keeps them.
    ///
    /// Throws `ScannerOptionMistake`.
    ///
    /// - Parameters:
    ///   - keeper: keeps keyboards grabbed over a restart; nil gives them back at the end.
    ///   - window: what others see of a camera.
    ///   - keepFrame: takes a camera's best frame of an object that passed without a label, as JPEG; on the camera's
    ///     thread, where it returns at once.
    public static func make(
        _ kind: NodeKind, _ options: [String: String], keeper: (any GrabKeeper)? = nil, clock: TimeSource = .system,
        window: CameraWindow? = nil, keepFrame: (@Sendable ([UInt8]) -> Void)? = nil
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
        case .camera:
            let settings = try CaptureSettings(options: options)
            return { CameraDriver(settings, window: window ?? CameraWindow(), keepFrame: keepFrame) }
        }
    }

    /// The options that a kind of node takes, in the registry's words. Any other would be kept and without effect.
    public static func options(of kind: NodeKind) -> Set<String> {
        let line: Set = [
            "baud", "data_bits", "parity", "stop_bits", "flow", "terminator", "idle_ms", "protocol", "star", "ack",
            "init",
            "trigger_on", "trigger_off",
        ]
        let signals = Set(Signal.allCases.map { OptionReader.name(of: $0) })
        let common: Set = ["prefix", "suffix", "aim"]
        return switch kind {
        case .serial: common.union(line).union(signals)
        case .keyboard: common.union(["layout", "terminator", "idle_ms", "controls", "caps_lock", "leds"])
        case .hidpos: common.union(["trigger"]).union(signals)
        case .camera: CaptureSettings.options.union(["agree", "again_after_ms", "direction", "no_read", "keep_frames"])
        }
    }

    /// What keeps a scanner's keyboard from typing anywhere: its keys are thrown away.
    public static func ignoring(keeper: (any GrabKeeper)? = nil) -> @Sendable () -> any ScannerDriver {
        { KeyboardDriver(.discard(KeyboardDriver.KeyCount()), keeper: keeper) }
    }
}
