internal import CMosquitto
internal import Glibc

/// Messages and properties on their way into and out of the library.
enum MQTTPublish {
    /// Hands a message to the library; its status. The library copies everything.
    static func send(_ message: MQTTMessage, over handle: OpaquePointer, isVersion5: Bool, _ mid: inout Int32) -> Int32
    {
        var properties: OpaquePointer?
        defer { mosquitto_property_free_all(&properties) }
        if isVersion5 {
            let status = add(message, to: &properties)
            guard status == 0 else { return status }
        }
        return message.payload.withUnsafeBytes {
            mosquitto_publish_v5(
                handle, &mid, message.topic, Int32(clamping: $0.count), $0.baseAddress, 1, message.isRetained,
                properties)
        }
    }

    private static func add(_ message: MQTTMessage, to list: inout OpaquePointer?) -> Int32 {
        var status: Int32 = 0
        if let type = message.contentType {
            status = max(status, mosquitto_property_add_string(&list, Int32(MQTT_PROP_CONTENT_TYPE.rawValue), type))
        }
        if let topic = message.responseTopic {
            status = max(status, mosquitto_property_add_string(&list, Int32(MQTT_PROP_RESPONSE_TOPIC.rawValue), topic))
        }
        if let data = message.correlationData {
            status = max(
                status,
                data.withUnsafeBytes {
                    mosquitto_property_add_binary(
                        &list, Int32(MQTT_PROP_CORRELATION_DATA.rawValue), $0.baseAddress, UInt16(clamping: $0.count))
                })
        }
        for property in message.userProperties {
            status = max(
                status,
                mosquitto_property_add_string_pair(
                    &list, Int32(MQTT_PROP_USER_PROPERTY.rawValue), property.name, property.value))
        }
        return status
    }

    /// A copy of what arrived.
    static func message(_ raw: UnsafePointer<mosquitto_message>, _ properties: OpaquePointer?) -> MQTTMessage {
        let bytes = UnsafeRawBufferPointer(start: raw.pointee.payload, count: Int(max(raw.pointee.payloadlen, 0)))
        return MQTTMessage(
            raw.pointee.topic.map { String(cString: $0) } ?? "", Array(bytes), isRetained: raw.pointee.retain,
            contentType: string(properties, MQTT_PROP_CONTENT_TYPE.rawValue), correlationData: data(properties),
            responseTopic: string(properties, MQTT_PROP_RESPONSE_TOPIC.rawValue), userProperties: pairs(properties))
    }

    private static func string(_ list: OpaquePointer?, _ identifier: UInt32) -> String? {
        var text: UnsafeMutablePointer<CChar>?
        guard let list, mosquitto_property_read_string(list, Int32(identifier), &text, false) != nil else { return nil }
        defer { free(text) }
        return text.map { String(cString: $0) }
    }

    private static func data(_ list: OpaquePointer?) -> [UInt8]? {
        var bytes: UnsafeMutableRawPointer?
        var count: UInt16 = 0
        guard let list,
            mosquitto_property_read_binary(list, Int32(MQTT_PROP_CORRELATION_DATA.rawValue), &bytes, &count, false)
                != nil
        else { return nil }
        defer { free(bytes) }
        return Array(UnsafeRawBufferPointer(start: bytes, count: Int(count)))
    }

    private static func pairs(_ list: OpaquePointer?) -> [MQTTMessage.UserProperty] {
        var all: [MQTTMessage.UserProperty] = []
        var place = list
        var isNext = false
        while let current = place {
            var name: UnsafeMutablePointer<CChar>?
            var value: UnsafeMutablePointer<CChar>?
            place = mosquitto_property_read_string_pair(
                current, Int32(MQTT_PROP_USER_PROPERTY.rawValue), &name, &value, isNext)
            isNext = true
            defer {
                free(name)
                free(value)
            }
            guard place != nil, let name, let value else { break }
            all.append(MQTTMessage.UserProperty(String(cString: name), String(cString: value)))
        }
        return all
    }

    /// What CONNACK said; the version is the client's to fill in.
    static func session(_ flags: Int32, _ properties: OpaquePointer?) -> MQTTEvent.Session {
        var largest: UInt32 = 0
        var most: UInt16 = 0
        let hasLargest =
            properties.map {
                mosquitto_property_read_int32($0, Int32(MQTT_PROP_MAXIMUM_PACKET_SIZE.rawValue), &largest, false) != nil
            } ?? false
        let hasMost =
            properties.map {
                mosquitto_property_read_int16($0, Int32(MQTT_PROP_RECEIVE_MAXIMUM.rawValue), &most, false) != nil
            } ?? false
        return MQTTEvent.Session(
            isPresent: flags & 1 == 1, isVersion5: true, maximumPacketBytes: hasLargest ? Int(largest) : nil,
            receiveMaximum: hasMost ? Int(most) : nil)
    }
}
