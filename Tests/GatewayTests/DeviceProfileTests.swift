import JSON
import TestSupport
import Testing

@testable import Gateway

@Suite(.timeLimit(.minutes(1))) struct DeviceProfileTests {
    @Test func `a profile is refused, since none would have an effect`() async throws {
        try await withGateway { bench, _ in
            let options = JSONValue.object([("port", .string("/dev/ttyACM0")), ("profile", .string("x"))])
            let error = await #expect(throws: CommandError.self) {
                try await bench.ask("device add", [("name", .string("scanner-1")), ("options", options)])
            }
            #expect(error?.exit == .usage && error?.message.contains("profiles come in a later version") == true)
            let devices = try await bench.ask("device list")["devices"]?.array
            #expect(devices?.isEmpty == true)
        }
    }
}
