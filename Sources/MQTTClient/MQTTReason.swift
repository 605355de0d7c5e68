internal import CMosquitto

/// A reason code of MQTT 5, as CONNACK, PUBACK, SUBACK and DISCONNECT carry it.
public struct MQTTReason: RawRepresentable, Sendable, Hashable, CustomStringConvertible {
    /// The code.
    public let rawValue: UInt8
    /// The reason with this code.
    public init(rawValue: UInt8) { self.rawValue = rawValue }

    /// From 0x80 on a code is a refusal.
    public var isFailure: Bool { rawValue >= 0x80 }

    /// Done.
    public static let success = MQTTReason(rawValue: 0x00)
    /// A success: the message was taken, and nobody is subscribed.
    public static let noSubscribers = MQTTReason(rawValue: 0x10)
    /// The broker does not say why.
    public static let unspecified = MQTTReason(rawValue: 0x80)
    /// The broker does not speak this version of the protocol.
    public static let unsupportedVersion = MQTTReason(rawValue: 0x84)
    /// The broker does not like the client id.
    public static let badClientID = MQTTReason(rawValue: 0x85)
    /// Wrong user name or password.
    public static let badCredentials = MQTTReason(rawValue: 0x86)
    /// The broker's rules do not allow it.
    public static let notAuthorised = MQTTReason(rawValue: 0x87)
    /// The broker cannot be used now.
    public static let unavailable = MQTTReason(rawValue: 0x88)
    /// The broker has too much to do.
    public static let busy = MQTTReason(rawValue: 0x89)
    /// The broker has banned the client.
    public static let banned = MQTTReason(rawValue: 0x8A)
    /// Another client has connected with the same id.
    public static let takenOver = MQTTReason(rawValue: 0x8E)
    /// The broker does not take the topic's name.
    public static let topicInvalid = MQTTReason(rawValue: 0x90)
    /// The packet is larger than the broker takes.
    public static let packetTooLarge = MQTTReason(rawValue: 0x95)
    /// Messages come too fast.
    public static let rateTooHigh = MQTTReason(rawValue: 0x96)
    /// More than the client may.
    public static let quotaExceeded = MQTTReason(rawValue: 0x97)
    /// The payload is not what the message says that it is.
    public static let payloadInvalid = MQTTReason(rawValue: 0x99)

    /// The library's words and the code, such as `Not authorized (0x87)`.
    public var description: String {
        let digits = String(rawValue, radix: 16, uppercase: true)
        return String(cString: mosquitto_reason_string(Int32(rawValue))) + " (0x\(rawValue < 16 ? "0" : "")\(digits))"
    }

    // The five refusals of MQTT 3.1.1's CONNACK in the words of MQTT 5.
    static func ofOldConnack(_ code: UInt8) -> MQTTReason {
        switch code {
        case 1: .unsupportedVersion
        case 2: .badClientID
        case 3: .unavailable
        case 4: .badCredentials
        case 5: .notAuthorised
        default: .unspecified
        }
    }
}
