internal import Model
internal import Wire

/// A stored scan as tracetrack-web needs it.
struct WebScan: Equatable {
    /// What is posted for it.
    enum Kind: Equatable {
        case parent(String)
        case child(String, of: String)
        /// This contract has no request for it.
        case cannotBeSent(String)
    }

    let n: Int64
    let id: UUID
    let kind: Kind

    init(n: Int64, id: UUID, kind: Kind) {
        self.n = n
        self.id = id
        self.kind = kind
    }

    init(_ stored: StoredScan) {
        n = stored.n
        do {
            let fields = try WireScan.decode(stored.wire).fields
            id = UUID(fields.id) ?? UUID(high: 0, low: 0)
            kind = Self.kind(fields)
        } catch {
            id = UUID(high: 0, low: 0)
            kind = .cannotBeSent("the stored bytes cannot be read: \(error)")
        }
    }

    /// Whether a new bag begins here, so that another lane may have the session without costing a scan row.
    var beginsBag: Bool { if case .parent = kind { true } else { false } }

    private static func kind(_ fields: ScanFields) -> Kind {
        guard fields.action == ScanAction.scan.rawValue else {
            return .cannotBeSent("tracetrack-web has no request for the action \"\(fields.action)\"")
        }
        guard let label = String(validating: fields.data, as: UTF8.self), !label.isEmpty else {
            return .cannotBeSent("tracetrack-web cannot carry a label that is no UTF-8 text")
        }
        switch ScanRole(rawValue: fields.role) {
        case .parent: return .parent(label)
        case .child where fields.parent.isEmpty: return .cannotBeSent("a child without a parent cannot be linked")
        case .child: return .child(label, of: fields.parent)
        default: return .cannotBeSent("tracetrack-web has no request for labels of the role \"\(fields.role)\"")
        }
    }
}
