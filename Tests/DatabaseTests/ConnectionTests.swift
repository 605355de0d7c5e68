import Database
import TestSupport
import Testing

@Suite struct ConnectionTests {
    @Test func `values of every kind come back as they went in`() throws {
        try withTemporaryDirectory { directory in
            let connection = try Connection(path: directory + "/a.db")
            try connection.execute("CREATE TABLE t(a, b, c, d)")
            try connection.run(
                "INSERT INTO t VALUES (?, ?, ?, ?)", .integer(.max), .text("Jaipur\u{0}\"'"), .blob([0, 255]), .null)
            let row = try connection.first("SELECT * FROM t") {
                ($0.integer(0), $0.text(1), $0.blob(2), $0.isNull(3))
            }
            #expect(row?.0 == .max)
            #expect(row?.1 == "Jaipur\u{0}\"'")
            #expect(row?.2 == [0, 255])
            #expect(row?.3 == true)
        }
    }

    @Test func `a transaction that throws leaves nothing behind`() throws {
        struct Stop: Error {}
        try withTemporaryDirectory { directory in
            let connection = try Connection(path: directory + "/a.db")
            try connection.execute("CREATE TABLE t(a)")
            #expect(throws: Stop.self) {
                try connection.transaction {
                    try connection.run("INSERT INTO t VALUES (1)")
                    throw Stop()
                }
            }
            #expect(try connection.first("SELECT count(*) FROM t") { $0.integer(0) } == 0)
        }
    }

    @Test func `a file that is no database is said to be corrupt`() throws {
        try withTemporaryDirectory { directory in
            try write(
                Array("this is not SQLite, but it is long enough to be read as a page".utf8), to: directory + "/a.db")
            let connection = try Connection(path: directory + "/a.db")
            let error = #expect(throws: DatabaseError.self) { try connection.execute("CREATE TABLE t(a)") }
            #expect(error?.kind == .corrupt)
        }
    }

    @Test func `migrations run once and in order, and a newer file is refused untouched`() throws {
        try withTemporaryDirectory { directory in
            let connection = try Connection(path: directory + "/a.db")
            try Migrations(["CREATE TABLE a(x)"]).apply(to: connection)
            try Migrations(["CREATE TABLE a(x)", "CREATE TABLE b(x)"]).apply(to: connection)
            try connection.execute("INSERT INTO b VALUES (1)")
            #expect(throws: Migrations.NewerSchema.self) { try Migrations(["CREATE TABLE a(x)"]).apply(to: connection) }
            #expect(try connection.first("SELECT count(*) FROM b") { $0.integer(0) } == 1)
        }
    }

    @Test func `a statement that breaks a rule names the statement`() throws {
        try withTemporaryDirectory { directory in
            let connection = try Connection(path: directory + "/a.db")
            try connection.execute("CREATE TABLE t(a UNIQUE)")
            try connection.run("INSERT INTO t VALUES (1)")
            let error = #expect(throws: DatabaseError.self) { try connection.run("INSERT INTO t VALUES (1)") }
            #expect(error?.sql == "INSERT INTO t VALUES (1)")
        }
    }
}
