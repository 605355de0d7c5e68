import Testing

@testable import Database

@Suite struct DatabaseErrorTests {
    @Test func `a full filesystem is one also where it has no room for the shared memory`() {
        #expect(kind(13) == .full)
        #expect(kind(10 | 19 << 8) == .full)
        #expect(kind(10 | 3 << 8) == .inputOutput)
    }

    private func kind(_ code: Int32) -> DatabaseError.Kind {
        DatabaseError(code: code, message: "", path: "", sql: "").kind
    }
}
