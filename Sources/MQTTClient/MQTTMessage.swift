/// One message: what is published, and what arrives.
public struct MQTTMessage: Sendable, Equatable {
    /// One user property; a name may come more than once.
    public struct UserProperty: Sendable, Equatable {
        /// The property's name.
        public var name: String
        /// Its value.
        public var value: String

        /// Both.
        public init(_ name: String, _ value: String) {
            self.name = name
            self.value = value
        }
    }

    /// The topic's name, at most 256 bytes for AWS IoT Core.
    public var topic: String
    /// The bytes, at most 130,000 for AWS IoT Core.
    public var payload: [UInt8]
    /// To be kept by the broker for later subscribers; of an arriving message: it was kept.
    public var isRetained: Bool
    /// MQTT 5: the payload's kind. Not sent under 3.1.1, like all the following.
    public var contentType: String?
    /// MQTT 5: names the request that an answer is for.
    public var correlationData: [UInt8]?
    /// MQTT 5: where an answer should go.
    public var responseTopic: String?
    /// MQTT 5: names and values of the application.
    public var userProperties: [UserProperty]

    /// A message; everything but topic and payload may be left out.
    public init(
        _ topic: String, _ payload: [UInt8], isRetained: Bool = false, contentType: String? = nil,
        correlationData: [UInt8]? = nil, responseTopic: String? = nil, userProperties: [UserProperty] = []
    ) {
        self.topic = topic
        self.payload = payload
        self.isRetained = isRetained
        self.contentType = contentType
        self.correlationData = correlationData
        self.responseTopic = responseTopic
        self.userProperties = userProperties
    }

    /// The value of the one user property with this name; nil where there is none, or several, which nobody should
    /// choose between.
    public func userProperty(_ name: String) -> String? {
        let all = userProperties.filter { $0.name == name }
        return all.count == 1 ? all[0].value : nil
    }

    /// An upper bound of the bytes of the packet that carries it, for the broker's Maximum Packet Size.
    public var packetBytes: Int {
        // Fixed header 5, topic and packet id 4, property length 4; each property has an identifier and lengths.
        13 + topic.utf8.count + payload.count + (contentType.map { 3 + $0.utf8.count } ?? 0)
            + (correlationData.map { 3 + $0.count } ?? 0) + (responseTopic.map { 3 + $0.utf8.count } ?? 0)
            + userProperties.reduce(0) { $0 + 5 + $1.name.utf8.count + $1.value.utf8.count }
    }
}
