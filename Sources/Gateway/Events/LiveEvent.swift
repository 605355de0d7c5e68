internal import JSON
internal import Model

/// One thing that happened, as `scangate watch` shows it. Texts are as read: whoever prints them escapes them.
struct LiveEvent: Sendable {
    enum Kind: String, Sendable {
        case stored, repeated, refused, accepted, duplicate, rejected, held, connected, disconnected, dropped, uplink
    }

    var kind: Kind
    var atMs: Int64
    var device = ""
    var lane = ""
    var role = ""
    var label = ""
    var parent = ""
    var id = ""
    var text = ""
    /// What the operator was told, by its name in `Signal`.
    var signal = ""

    func write(to json: inout JSONWriter) {
        json.object {
            $0.member("event", kind.rawValue)
            $0.member("at", Timestamp.text(atMs))
            for (name, value) in [
                ("device", device), ("lane", lane), ("role", role), ("label", label), ("parent", parent), ("id", id),
                ("text", text), ("signal", signal),
            ] where !value.isEmpty {
                $0.key(name)
                $0.string(value)
            }
        }
    }
}
