internal import Model

/// Makes one delivery a group: uplinks with the same `backend` are a group, driven by its primary; a mirror is a group
/// of its own.
///
/// Reads the credentials' files; the error names the uplink and the setting.
public func buildDeliveries(_ groups: [UplinkGroup], context: DeliveryContext) throws(UplinkError)
    -> [any Delivery]
{
    var deliveries: [any Delivery] = []
    for group in groups {
        switch group.first.contract {
        case .web: deliveries.append(try WebDelivery(group, context: context))
        case .devices:
            var ways: [(settings: UplinkSettings, url: String, uplink: any Uplink)] = []
            for uplink in group.uplinks {
                for url in uplink.urls { ways.append((uplink, url, try makeUplink(uplink, url, context))) }
            }
            guard !ways.isEmpty else {
                throw UplinkError("uplink \(group.id): url is missing", hint: "write url = \"https://HOST\"")
            }
            deliveries.append(DevicesDelivery(group, ways: ways, context: context))
        }
    }
    return deliveries
}

/// The way to one url of an uplink of tracetrack-devices.
private func makeUplink(_ settings: UplinkSettings, _ url: String, _ context: DeliveryContext) throws(UplinkError)
    -> any Uplink
{
    if UplinkSettings.isMQTT(url) { return try MQTTUplink(settings, url: url, context: context) }
    return try DevicesUplink(
        settings, url: url, gateway: context.gateway, client: context.client, time: context.time)
}
