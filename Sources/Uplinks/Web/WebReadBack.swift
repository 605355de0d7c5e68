internal import HTTPClient
internal import JSON

/// What `GET /api/parent-children/<qr>` says of a child whose post's answer was lost.
///
/// The shape is read leniently, since no version documents it: an object with a list of children, as texts or as
/// objects with the label in a field of its own.
enum WebReadBack: Equatable {
    /// The child is in that bag.
    case listed
    /// The whole list is there, and the child is not in it.
    case notListed
    /// Nothing can be said; the text tells why.
    case unreadable(String)

    private static let labelKeys = ["qr_code", "qr_id", "qr", "child_qr", "label"]
    private static let countKeys = ["child_count", "count", "total", "total_children", "children_count"]

    /// Reads the answer of the children's page of the bag `parent`.
    static func judge(_ response: HTTPResponse, label: String, parent: String) -> WebReadBack {
        guard response.status == 200 else { return .unreadable("it was answered \(response.status)") }
        guard let json = try? JSONValue.parse(response.body) else { return .unreadable("the answer is no JSON") }
        if json["success"]?.bool == false { return .unreadable("the backend does not tell the bag's children") }
        if let named = json["parent_qr"]?.string, WebTable.normal(named) != WebTable.normal(parent) {
            return .unreadable("the answer is for another bag")
        }
        guard let (list, whole) = children(json) else { return .unreadable("the answer has no list of children") }
        let labels = list.map(label(of:))
        if labels.contains(where: { $0.map(WebTable.normal) == WebTable.normal(label) }) { return .listed }
        guard !labels.contains(nil) else { return .unreadable("the children in the answer have no label") }
        return whole ? .notListed : .unreadable("the answer does not list all children")
    }

    // The list, and whether it is all of it.
    private static func children(_ json: JSONValue) -> (list: [JSONValue], whole: Bool)? {
        if let list = json.array { return (list, true) }
        guard let members = json.object else { return nil }
        let holder = json["children"] == nil ? members.first { $0.value["children"] != nil }?.value ?? json : json
        let list = holder["children"]?.array ?? holder["child_bags"]?.array ?? holder["data"]?.array
        guard let list else { return nil }
        let counts = countKeys.compactMap { holder[$0]?.integer ?? json[$0]?.integer }
        let hasMore = holder["has_more"]?.bool ?? json["has_more"]?.bool ?? false
        return (list, !hasMore && counts.allSatisfy { $0 <= list.count })
    }

    private static func label(of child: JSONValue) -> String? {
        child.string ?? labelKeys.lazy.compactMap { child[$0]?.string }.first
    }
}
