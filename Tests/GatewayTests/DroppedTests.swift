import Model
import Posix
import Scanners
import Testing

@testable import Gateway

@Suite struct DroppedTests {
    @Test(
        arguments: [(ScannerEvent.DropReason.noRead, "no_read"), (.part, "part"), (.lineError, "line_error")])
    func `what is no scan is counted by its reason, and a watcher sees it as a refusal`(
        reason: ScannerEvent.DropReason, name: String
    ) async throws {
        let hub = EventHub(clock: .system)
        let device = try #require(DeviceID("belt-1"))
        let events = hub.watch()
        hub.scanner(.dropped(reason), device)
        hub.scanner(.dropped(reason), device)
        #expect(hub.devices[device]?.dropped == [name: 2])
        let event = await events.first { _ in true }
        #expect(event?.text == name && event?.signal == Signal.refused.rawValue && event?.device == "belt-1")
    }
}
