internal import Gateway
internal import JSON

enum AuditCommands {
    static let all = [show, verify]

    private static let show = Command(
        name: "audit show", usage: "[--limit N] [--json]", summary: "who changed what, the newest last",
        details: "example: scangate audit show --limit 20", options: [.value("limit")]
    ) { arguments in
        _ = try arguments.operands()
        try await arguments.perform("audit show", try arguments.passingNumber("limit")) { result in
            Output.table(
                ["NUMBER", "AT", "WHO", "WHAT", "TO", "DETAIL"],
                result.list("audit").map { row in
                    ["number", "at", "actor", "action", "subject", "detail"].map(row.cell)
                })
        }
    }

    private static let verify = Command(
        name: "audit verify", usage: "", summary: "whether the audit log is as it was written",
        details: """
            Finds rows that were changed, cut out, added or cut off at the end without the sealing key. Does not find that
            the whole file was put back as it was earlier, nor what somebody with the sealing key has rewritten.

            example: scangate audit verify
            """, options: []
    ) { arguments in
        _ = try arguments.operands()
        try await arguments.perform("audit verify") { _ in Output.line("the audit log is unbroken") }
    }
}
