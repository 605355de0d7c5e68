internal import JSON

/// A kept scan as a CloudEvent in JSON: CloudEvents 1.0.2, "JSON Event Format", one event a line.
///
/// `id` is the scan's own, so that an event that is exported twice is one event. `lane` and `partitionkey` tell what has
/// to stay in order, `sequence` in which (the extensions "Partitioning" and "Sequence").
enum CloudEvent {
    static let type = "scangate.scan.v1"

    static func encode(_ entry: JSONValue, gateway: String) -> JSONValue {
        let scan = entry["scan"] ?? .null
        var event: [(key: String, value: JSONValue)] = [
            ("specversion", .string("1.0")),
            ("type", .string(type)),
            ("source", .string("/scangate/\(gateway)" + (scan["dev"]?.string.map { "/\($0)" } ?? ""))),
            // A damaged scan has no id that can be read; its place in the spool is its own as well.
            ("id", .string(scan["id"]?.string ?? "spool-\(entry["number"]?.integer ?? 0)")),
        ]
        if let time = scan["ts"]?.string { event.append(("time", .string(time))) }
        if let label = scan["data"]?.string { event.append(("subject", .string(label))) }
        let lane = entry["lane"]?.string ?? ""
        event += [("lane", .string(lane)), ("partitionkey", .string(lane)), ("state", entry["state"] ?? .null)]
        if let sequence = scan["lane_seq"]?.integer {
            // Compared as text.
            let digits = String(sequence)
            event.append(("sequence", .string(String(repeating: "0", count: max(0, 16 - digits.count)) + digits)))
        }
        event.append(("datacontenttype", .string("application/json")))
        event.append(("data", entry))
        return .object(event)
    }
}
