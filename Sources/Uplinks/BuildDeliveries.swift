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
            let way = try DevicesUplink(
                group.first, gateway: context.gateway, client: context.client, time: context.time)
            deliveries.append(DevicesDelivery(group.first, group: group.id, uplink: way, context: context))
        }
    }
    return deliveries
}
