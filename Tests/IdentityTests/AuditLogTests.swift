import Crypto
import Database
import Identity
import Model
import Posix
import TestSupport
import Testing

/// What somebody does who can write the file and has not the sealing key.
@Suite struct AuditLogTests {
    private func open(_ directory: String) throws -> Registry {
        try Registry(stateDirectory: directory, sealingKeyFile: nil, clock: .system)
    }

    private func withRegistry(_ body: (Registry, Connection, String) throws -> Void) throws {
        try withTemporaryDirectory { directory in
            let registry = try open(directory)
            defer { registry.close() }
            try fill(registry)
            #expect(try registry.audit.firstFault() == nil)
            let other = try Connection(path: directory + "/identity.db")
            defer { other.close() }
            try body(registry, other, directory)
        }
    }

    private func fill(_ registry: Registry) throws {
        _ = try registry.add(
            try #require(DeviceID("scanner-1")), kind: .serial, lane: try #require(LaneID("table-1")),
            roles: [.parent, .child], options: ["port": "/dev/ttyACM0"], by: "maria")
        for n in 1...3 { try registry.note("scans discard", subject: "\(n)", detail: "", by: "maria") }
    }

    @Test(arguments: [
        ("UPDATE audit SET subject = '9' WHERE n = 2", 2), ("DELETE FROM audit WHERE n = 2", 2),
        ("DELETE FROM audit WHERE n = 4", 4), ("DELETE FROM audit WHERE n > 1", 2), ("DELETE FROM audit", 1),
        ("DELETE FROM meta WHERE key = 'audit'", 5), ("UPDATE meta SET value = '4 AA AA' WHERE key = 'audit'", 5),
        ("INSERT INTO audit SELECT 5, at_ms, actor, action, subject, detail, hash FROM audit WHERE n = 4", 5),
        ("DELETE FROM audit; DELETE FROM meta WHERE key = 'audit'", 1),
    ])
    func `a change by hand is found, and rows that come later do not hide it`(change: String, fault: Int64) throws {
        try withRegistry { registry, other, directory in
            try other.execute(change)
            #expect(try registry.audit.firstFault() == fault)
            try registry.note("scans retry", subject: "1", detail: "", by: "maria")
            #expect(try registry.audit.firstFault() == fault)
            let again = try open(directory)
            try again.note("scans retry", subject: "2", detail: "", by: "maria")
            #expect(try again.audit.firstFault() == fault)
            again.close()
        }
    }

    @Test func `a whole chain that was built without the sealing key is found`() throws {
        try withRegistry { registry, other, _ in
            try withTemporaryDirectory { elsewhere in
                let forger = try open(elsewhere)
                try fill(forger)
                #expect(try forger.audit.firstFault() == nil)
                forger.close()
                try other.execute(
                    """
                    ATTACH '\(elsewhere)/identity.db' AS forged;
                    DELETE FROM audit;
                    INSERT INTO audit SELECT * FROM forged.audit;
                    INSERT OR REPLACE INTO meta SELECT * FROM forged.meta WHERE key = 'audit';
                    """)
                #expect(try registry.audit.firstFault() == 1)
            }
        }
    }
}
