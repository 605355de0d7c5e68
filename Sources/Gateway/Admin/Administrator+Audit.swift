internal import Identity
internal import JSON
internal import Model

extension Administrator {
    func showAudit(_ arguments: CommandArguments) throws -> [UInt8] {
        let rows = try registry.audit.latest(Int(min(max(arguments.number("limit") ?? 50, 1), 10_000)))
        var json = JSONWriter()
        json.object {
            $0.key("audit")
            $0.array {
                for row in rows {
                    $0.object {
                        $0.member("number", row.n)
                        $0.member("at", Timestamp.text(row.atMs))
                        $0.member("actor", row.actor)
                        $0.member("action", row.action)
                        $0.member("subject", row.subject)
                        $0.member("detail", row.detail)
                    }
                }
            }
        }
        return json.bytes
    }

    func verifyAudit() throws -> [UInt8] {
        if let fault = try registry.audit.firstFault() {
            throw CommandError(
                "the audit log was changed by hand: row \(fault) is missing or is not as it was written",
                hint: "compare identity.db with your backup")
        }
        var json = JSONWriter()
        json.object { $0.member("ok", true) }
        return json.bytes
    }
}
