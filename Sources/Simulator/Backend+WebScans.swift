internal import HTTPServer
internal import JSON

/// Contract `tracetrack-web`: parents, children, undo and read-back.
extension Backend {
    func scanParent(_ request: ServerRequest, _ fault: Fault?, _ session: inout WebSession) throws -> ServerResponse {
        guard !session.username.isEmpty else { return unauthenticated() }
        if fault?.kind == .scanFailed { return scanFailed() }
        if fault?.kind == .unknownStatus { return refusal(200, "", "Perhaps") }
        // JSON is never parsed here: a body that is no form has no field, and ends the same way.
        let label = trimmed(request.field("qr_code") ?? "")
        guard !label.isEmpty else { return refusal(400, "", "No QR code provided") }
        guard isBagLabel(label) else {
            return refusal(400, label, "Invalid parent bag QR code. Must be SB followed by 5 digits") {
                $0.member("show_popup", true)
            }
        }
        guard try bags.role(label) != .child else {
            return refusal(400, label, "\(label) is a child bag, not a parent bag")
        }
        try bags.add(label, .parent)
        try bags.insert(row(request, session, role: "parent", label: label, parent: ""))
        session.parent = label
        judged("web", "accepted", "parent \(label) by \(session.username)")
        let named = fault?.kind == .wrongParent ? "SB99999" : label
        return .json(
            200,
            json {
                $0.member("success", true)
                $0.member("message", "Parent bag \(named) scanned successfully")
                $0.member("parent_qr", named)
                $0.member("redirect", "/scan/child")
                $0.member("time_ms", 1)
            })
    }

    func scanChild(_ request: ServerRequest, _ fault: Fault?, _ session: inout WebSession) throws -> ServerResponse {
        let wording = settings.variant.wording
        guard !session.username.isEmpty else {
            return refusal(200, "", wording == .first ? "Not authenticated" : "Session expired. Please log in again")
        }
        switch fault?.kind {
        case .scanFailed: return scanFailed()
        case .databaseError: return refusal(200, "", "Database connection error")
        case .processingError: return refusal(200, "", "Error processing scan")
        case .unknownStatus: return refusal(200, "", "Perhaps")
        default: break
        }
        let sent = request.mediaType == "application/json" ? object(request)?["qr_code"]?.string : nil
        let label = trimmed(sent ?? request.field("qr_code") ?? "")
        guard !label.isEmpty else { return refusal(200, "", "No QR code provided") }
        guard isChildLabel(label) else { return refusal(200, label, "Invalid child bag QR code") }
        let parent = session.parent
        guard !parent.isEmpty else { return refusal(200, label, "No parent bag selected") }
        guard try bags.role(parent) == .parent else {
            session.parent = ""
            return refusal(200, label, "Parent bag \(parent) not found - session expired") {
                $0.member("clear_parent", true)
            }
        }
        if let refused = try linkRefused(label, parent) { return refused }
        let n = try bags.insert(row(request, session, role: "child", label: label, parent: parent))
        try bags.link(label, to: parent, scan: n)
        let count = try bags.childCount(parent)
        judged("web", "accepted", "child \(label) to \(parent) by \(session.username)")
        return .json(
            200,
            json {
                $0.member("success", true)
                $0.member("message", "✓ \(label) linked! (\(count)/\(settings.childrenPerParent))")
                $0.member("child_qr", label)
                $0.member("parent_qr", fault?.kind == .wrongParent ? "SB99999" : parent)
                $0.member("child_count", count)
            })
    }

    /// Why a child cannot be linked, worded by the variant; nil where it can.
    private func linkRefused(_ label: String, _ parent: String) throws -> ServerResponse? {
        let variant = settings.variant
        let most = settings.childrenPerParent
        if try bags.role(label) == .parent {
            return refusal(
                200, label,
                variant.wording == .third
                    ? "DUPLICATE: \(label) is already a parent bag" : "\(label) is already registered as a parent bag")
        }
        var full: ServerResponse? {
            get throws {
                guard try bags.childCount(parent) >= most else { return nil }
                return switch variant.wording {
                case .first: refusal(200, label, "Maximum \(most) child bags allowed per parent")
                case .second: refusal(200, label, "Parent bag is full (\(most)/\(most))")
                case .third: refusal(200, label, "Parent bag \(parent) is already completed (\(most)/\(most) children)")
                }
            }
        }
        if variant.tellsFullFirst, let full = try full { return full }
        if let linked = try bags.parent(ofChild: label) {
            guard linked == parent else {
                return refusal(200, label, "Child bag \(label) is already linked to parent bag \(linked)")
            }
            judged("web", "duplicate", "child \(label) to \(parent)")
            return switch variant.wording {
            case .first: failure(200, "Child bag \(label) is already linked to parent bag \(parent)")
            case .second: failure(200, "Child bag \(label) was already linked to this parent")
            case .third: failure(200, "DUPLICATE: Child bag \(label) is already linked to this parent")
            }
        }
        return try full
    }

    /// Undo. Without both labels the server removes its last link, whichever that is.
    func unlinkChild(_ request: ServerRequest, _ session: inout WebSession) throws -> ServerResponse {
        guard !session.username.isEmpty else { return unauthenticated() }
        let sent = object(request)
        let child = trimmed(sent?["qr_code"]?.string ?? "")
        let parent = trimmed(sent?["parent_qr"]?.string ?? "")
        let link: (child: String, parent: String)?
        if child.isEmpty || parent.isEmpty {
            link = try bags.lastLink(parent: session.parent)
        } else {
            link = try bags.parent(ofChild: child) == parent ? (child, parent) : nil
        }
        guard let link else { return refusal(404, child, "Child bag \(child) is not linked to parent bag \(parent)") }
        try bags.unlink(link.child)
        store.count("unlinked")
        judged("web", "accepted", "unlink \(link.child) from \(link.parent) by \(session.username)")
        let count = try bags.childCount(link.parent)
        return .json(
            200,
            json {
                $0.member("success", true)
                $0.member("message", "Child bag \(link.child) unlinked from \(link.parent)")
                $0.member("child_qr", link.child)
                $0.member("parent_qr", link.parent)
                $0.member("child_count", count)
            })
    }

    /// The read-back: the children of a bag, whose label is taken as it is written.
    func children(of parent: String) throws -> ServerResponse {
        guard try bags.role(parent) == .parent else { return failure(200, "Parent bag not found") }
        let children = try bags.children(parent)
        return .json(
            200,
            json {
                $0.member("success", true)
                $0.key("children")
                $0.array { for child in children { $0.string(child) } }
                $0.member("parent_qr", parent)
            })
    }

    private func row(_ request: ServerRequest, _ session: WebSession, role: String, label: String, parent: String)
        -> ScanRow
    {
        ScanRow(
            contract: "web", atMs: store.nowMs, action: "scan", role: role, label: label, parent: parent,
            id: request.header("x-request-id") ?? "", username: session.username)
    }

    private func unauthenticated() -> ServerResponse {
        .json(
            401,
            json {
                $0.member("success", false)
                $0.member("message", "Authentication required")
                $0.member("auth_required", true)
            })
    }

    private func scanFailed() -> ServerResponse { failure(500, "Scan failed - please try again") }

    /// A scan that was judged no.
    private func refusal(
        _ status: Int, _ label: String, _ message: String, more: (inout JSONWriter) -> Void = { _ in }
    ) -> ServerResponse {
        judged("web", "rejected", "\(label): \(message)")
        return failure(status, message, more: more)
    }

    private func failure(_ status: Int, _ message: String, more: (inout JSONWriter) -> Void = { _ in })
        -> ServerResponse
    {
        .json(
            status,
            json {
                $0.member("success", false)
                $0.member("message", message)
                more(&$0)
            })
    }

    private func object(_ request: ServerRequest) -> JSONValue? { try? JSONValue.parse(request.body) }

    private func trimmed(_ text: String) -> String {
        let blanks: (Character) -> Bool = \.isWhitespace
        let start = text.drop(while: blanks)
        return String(String(start.reversed()).drop(while: blanks).reversed()).uppercased()
    }

    private func isChildLabel(_ label: String) -> Bool {
        guard settings.variant.hasStrictChildLabels else { return label.count >= 3 }
        return (4...20).contains(label.utf8.count)
            && label.utf8.allSatisfy { (48...57).contains($0) || (65...90).contains($0) }
    }

    func isBagLabel(_ label: String) -> Bool {
        let bytes = Array(label.utf8)
        return bytes.count == 7 && bytes.starts(with: [83, 66]) && bytes[2...].allSatisfy { (48...57).contains($0) }
    }
}
