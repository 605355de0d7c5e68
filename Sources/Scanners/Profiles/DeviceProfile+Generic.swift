extension DeviceProfile {
    /// Every scanner that no other profile knows: what `devices/generic.toml` says, for where no file is installed.
    public static let generic = DeviceProfile(
        name: "generic", title: "any scanner",
        modes: [genericCDC, genericRS232, genericHIDPOS, genericKeyboard, genericCamera])

    private static func patterns(_ texts: String...) -> [USBPattern] { texts.compactMap { USBPattern($0) } }

    private static let genericCDC = Mode(
        name: "cdc", kind: .serial,
        usb: patterns(
            "067e:0803", "067e:0805", "0db5:0139", "27dd:0002", "1fbb:3850", "2745:300a", "0483:5740"),
        options: ["terminator": "any"],
        setup: "Scan the code for USB CDC in the scanner's manual (also called virtual COM port, USB serial, USB "
            + "COM), then the one that adds CR, or CR and LF, behind each scan. A mode that needs a driver of the "
            + "maker's will not do.",
        limits: "Nobody knows how to make it beep, and most beep when they have read, before anything is stored: use "
            + "a signal light, or --ack where the scanner can wait for 0x06 and 0x15.")

    private static let genericRS232 = Mode(
        name: "rs232", kind: .serial,
        usb: patterns(
            "1a86:7523", "10c4:ea60", "067b:2303", "0403:6001"),
        options: [
            "baud": "9600", "data_bits": "8", "parity": "none", "stop_bits": "1", "flow": "none", "terminator": "any",
        ],
        setup: "Scan the code for RS-232 in the scanner's manual, then those for 9600 baud, 8 data bits, no parity, "
            + "1 stop bit and for CR, or CR and LF, behind each scan. Other line settings: --baud and the options "
            + "beside it.",
        limits: "Nobody knows how to make it beep, and most beep when they have read, before anything is stored: use "
            + "a signal light, or --ack where the scanner can wait for 0x06 and 0x15.")

    private static let genericHIDPOS = Mode(
        name: "hidpos", kind: .hidpos,
        usb: patterns(
            "0db5:013b"),
        options: [:],
        setup: "Scan the code for USB HID-POS in the scanner's manual (also called HID bar code scanner, OPOS HID, "
            + "UWP). It needs no suffix.",
        limits: "It cannot be told anything: it beeps when it has read, before anything is stored. Use a signal "
            + "light.")

    private static let genericKeyboard = Mode(
        name: "keyboard", kind: .keyboard,
        usb: patterns(
            "067e:0801", "0db5:013a", "0416:c141", "04b4:bca1", "04b4:de61", "04b4:de64", "13ba:0018", "24ea:0197"),
        options: ["layout": "us"],
        setup: "As it comes from the box. In its manual scan the codes for the layout \"United States\" and for Enter "
            + "behind each scan. Better first look for USB CDC or HID-POS in the manual: what a keyboard types "
            + "depends on layout and Caps Lock.",
        limits: "It cannot be told anything: it beeps when it has read, before anything is stored. Bytes above 127 "
            + "and control characters may come wrong. Without a USB id of its own it has to be registered by its "
            + "USB port.")

    private static let genericCamera = Mode(
        name: "camera", kind: .camera,
        options: [:],
        setup: "Plug it in. Fixed focus or a fixed --focus, short --exposure where labels move, and light: a label's "
            + "smallest square should be 4 pixels or more.",
        limits:
            "It cannot be told anything, and does not beep: use a signal light or the gateway's own sound. Only USB "
            + "video class cameras and others that Linux has as a plain capture node; not those of phones' and single "
            + "boards' ribbon cables that need libcamera.")
}
