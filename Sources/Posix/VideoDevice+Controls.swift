internal import CLinux
internal import Glibc

/// Something that can be set on a camera: its gain, its focus.
public struct VideoControl: Sendable, Equatable {
    /// What kind of value it takes.
    public enum Kind: Sendable, Equatable {
        case integer
        case boolean
        /// One of these, by number.
        case menu([Int: String])
        /// Something else, which cannot be set here: a button, a text.
        case other
    }

    /// The kernel's number (linux/v4l2-controls.h).
    public var id: UInt32
    /// The driver's name for it.
    public var name: String
    /// What it takes.
    public var kind: Kind
    /// Which values.
    public var range: ClosedRange<Int>
    /// From one value to the next.
    public var step: Int
    /// What it has at first.
    public var initial: Int
    /// Whether it cannot be set now, because another control says so, or ever.
    public var isFixed: Bool

    /// 1 is manual, 3 is manual for a part; a camera has 0 or 3 for automatic (V4L2_CID_EXPOSURE_AUTO).
    public static let exposureMode: UInt32 = 0x9A_0901
    /// In 100 µs (V4L2_CID_EXPOSURE_ABSOLUTE).
    public static let exposureTime: UInt32 = 0x9A_0902
    /// Whether the camera may slow down to expose longer (V4L2_CID_EXPOSURE_AUTO_PRIORITY).
    public static let exposureMaySlow: UInt32 = 0x9A_0903
    /// V4L2_CID_EXPOSURE, of cameras that know no time.
    public static let exposure: UInt32 = 0x98_0911
    /// V4L2_CID_AUTOGAIN.
    public static let gainMode: UInt32 = 0x98_0912
    /// V4L2_CID_GAIN.
    public static let gain: UInt32 = 0x98_0913
    /// V4L2_CID_FOCUS_ABSOLUTE.
    public static let focus: UInt32 = 0x9A_090A
    /// Whether it focuses by itself (V4L2_CID_FOCUS_AUTO).
    public static let focusMode: UInt32 = 0x9A_090C
}

extension VideoDevice {
    /// All controls that can be set, in the driver's order; at most 256.
    public func controls() -> [VideoControl] {
        var controls: [VideoControl] = []
        var answer = scangate_video_control()
        for _ in 0..<256 {
            guard scangate_video_next_control(file.raw, answer.id, &answer) == 0 else { break }
            if let control = control(answer) { controls.append(control) }
        }
        return controls
    }

    /// One control; nil where the camera has it not.
    public func control(_ id: UInt32) -> VideoControl? {
        var answer = scangate_video_control()
        guard scangate_video_query_control(file.raw, id, &answer) == 0 else { return nil }
        return control(answer)
    }

    private func control(_ answer: scangate_video_control) -> VideoControl? {
        guard answer.type != UInt32(SCANGATE_VIDEO_CLASS), answer.flags & UInt32(SCANGATE_VIDEO_DISABLED) == 0,
            answer.least <= answer.most
        else { return nil }
        let kind: VideoControl.Kind
        switch Int(answer.type) {
        case Int(SCANGATE_VIDEO_INTEGER): kind = .integer
        case Int(SCANGATE_VIDEO_BOOLEAN): kind = .boolean
        case Int(SCANGATE_VIDEO_MENU), Int(SCANGATE_VIDEO_INTEGER_MENU):
            kind = .menu(menu(answer.id, answer.least, answer.most))
        default: kind = .other
        }
        let name = withUnsafePointer(to: answer) { String(cString: scangate_video_control_name($0)) }
        let fixed = UInt32(SCANGATE_VIDEO_READ_ONLY) | UInt32(SCANGATE_VIDEO_INACTIVE)
        return VideoControl(
            id: answer.id, name: name, kind: kind, range: Int(answer.least)...Int(answer.most),
            step: max(1, Int(answer.step)), initial: Int(answer.initial), isFixed: answer.flags & fixed != 0)
    }

    private func menu(_ id: UInt32, _ least: Int64, _ most: Int64) -> [Int: String] {
        guard least >= 0, most < 64 else { return [:] }
        var menu: [Int: String] = [:]
        for index in Int(least)...Int(most) {
            var name = Self.room
            if scangate_video_menu(file.raw, id, UInt32(index), &name) == 0 { menu[index] = Self.text(name) }
        }
        return menu
    }

    /// What a control has now.
    public func value(of id: UInt32) throws(SystemError) -> Int {
        var value: Int32 = 0
        guard scangate_video_get_control(file.raw, id, &value) == 0 else {
            throw SystemError("ask for a control of", path)
        }
        return Int(value)
    }

    /// Sets a control; the driver may take the nearest value that it knows.
    public func set(_ id: UInt32, to value: Int) throws(SystemError) {
        guard let value = Int32(exactly: value), scangate_video_set_control(file.raw, id, value) == 0 else {
            throw SystemError("set a control of", path)
        }
    }
}
