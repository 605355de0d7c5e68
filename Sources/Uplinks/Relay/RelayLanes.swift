internal import Model

/// Names for lanes of many gateways, in the place of one gateway's: `dock-7.table-1`, cut to a name's length.
struct RelayLanes {
    struct Place: Hashable {
        let gateway: GatewayID
        let lane: String
    }

    private var names: [Place: LaneID] = [:]
    private var taken: Set<LaneID> = []

    /// The lane's name, the same at each call, and no other lane's.
    mutating func name(_ place: Place) -> LaneID {
        if let known = names[place] { return known }
        let whole = String("\(place.gateway).\(place.lane)".prefix(63))
        var number = 1
        while true {
            let text = number == 1 ? whole : String(whole.prefix(55)) + "-\(number)"
            // Both parts are names, so that only their sum can be taken already.
            if let lane = LaneID(text), taken.insert(lane).inserted {
                names[place] = lane
                return lane
            }
            number += 1
        }
    }

    /// The lanes of the gateways that `isMeant`.
    func lanes(where isMeant: (GatewayID) -> Bool) -> Set<LaneID> {
        Set(names.filter { isMeant($0.key.gateway) }.values)
    }
}
