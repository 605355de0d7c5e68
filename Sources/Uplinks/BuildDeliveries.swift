internal import Model

/// Makes one delivery a group: uplinks with the same `backend` are a group, driven by its primary; a mirror is a group
/// of its own. A group's name is that of its primary or mirror.
///
/// A fallback is checked like any other uplink, and not driven in this version: its seam is `Uplink`. Reads the
/// credentials' files; the error names the uplink and the setting.
public func buildDeliveries(_ settings: [UplinkSettings], context: DeliveryContext) throws(UplinkError)
    -> [any Delivery]
{
    var deliveries: [any Delivery] = []
    for uplink in settings where uplink.use != .fallback {
        guard let group = GroupID(uplink.name) else {
            throw UplinkError("uplink name \(Safe.text(uplink.name)) is not valid", hint: "write \(GroupID.rule)")
        }
        switch uplink.contract {
        case .web: deliveries.append(try WebDelivery(uplink, group: group, context: context))
        case .devices:
            let way = try DevicesUplink(
                uplink, gateway: context.gateway, client: context.client, time: context.time)
            deliveries.append(DevicesDelivery(uplink, group: group, uplink: way, context: context))
        }
    }
    return deliveries
}
