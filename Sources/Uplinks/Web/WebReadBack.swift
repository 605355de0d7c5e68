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

    private static let moreKeys = ["has_more", "has_next"]

    /// Reads the answer of the children's page of the bag `parent`.
    ///
    /// - Parameter most: how many children the bag has, being full.
    static func judge(_ response: HTTPResponse, label: String, parent: String, most: Int) -> WebReadBack {
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
        // The bag has refused the child because it is full: a shorter list is a page of it, or of something else.
        return whole && list.count >= most ? .notListed : .unreadable("the answer does not list all children")
    }

    /// How many children a bag has whose refusal says that it is full.
    ///
    /// The number behind "Maximum" or in "(30/30"; where it names none, TraceTrack's 30.
    static func childrenOfFullBag(_ refusal: String) -> Int {
        let text = refusal.lowercased()
        for (before, after) in [("maximum ", " child"), ("/", ")"), ("/", " ")] {
            for place in text.ranges(of: before) {
                let digits = text[place.upperBound...].prefix { $0.isASCII && $0.isNumber }
                if text[digits.endIndex...].hasPrefix(after), let most = Int(digits), most > 0 { return most }
            }
        }
        return WebSession.childrenOfFullBag
    }

    // The list, and whether it is all of it.
    private static func children(_ json: JSONValue) -> (list: [JSONValue], whole: Bool)? {
        if let list = json.array { return (list, true) }
        guard let members = json.object else { return nil }
        let holder = json["children"] == nil ? members.first { $0.value["children"] != nil }?.value ?? json : json
        let list = holder["children"]?.array ?? holder["child_bags"]?.array ?? holder["data"]?.array
        guard let list else { return nil }
        let counts = countKeys.compactMap { holder[$0]?.integer ?? json[$0]?.integer }
        let hasMore = moreKeys.contains { (holder[$0]?.bool ?? json[$0]?.bool) == true }
        return (list, !hasMore && counts.allSatisfy { $0 <= list.count })
    }

    private static func label(of child: JSONValue) -> String? {
        child.string ?? labelKeys.lazy.compactMap { child[$0]?.string }.first
    }
}
