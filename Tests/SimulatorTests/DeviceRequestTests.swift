internal import Model
internal import Simulator
internal import TestSupport
internal import Testing
internal import Wire

@Suite(.timeLimit(.minutes(4)))
struct `Reference backend, requests of devices` {
    @Test
    func `the content type decides, with its version`() throws {
        try withGateway({ $0.contract = .devices }) { (_, gateway, _) throws in
            for type in ["application/json", "application/vnd.scan-batch+json", "application/vnd.scan-batch+json;v=2"] {
                gateway.contentType = type
                #expect(try gateway.post(gateway.body([])).status == 415)
            }
            gateway.contentType = "Application/vnd.scan-batch+json; v=1"
            #expect(try gateway.post(gateway.body([])).status == 200)
            #expect(try gateway.http.request("GET", "/api/fast_parent_scan").status == 405)
            #expect(try gateway.http.request("GET", "/login").status == 404)
        }
    }

    @Test
    func `both contracts live on one path, or one of them alone`() throws {
        try withGateway { (simulator, gateway, device) throws in
            let browser = try Browser(simulator)
            try browser.login()
            #expect(try browser.parent("SB00001").status == 200)
            #expect(
                try gateway.send(device.scan(1, .child, "CHILD1", parent: "SB00001")).map(\.status) == ["accepted"])
            simulator.change { $0.contract = .web }
            #expect(try gateway.post(gateway.body([])).status == 400)
            #expect(try simulator.count("web_accepted") == 1)
            #expect(try simulator.count("devices_accepted") == 1)
        }
    }
}
