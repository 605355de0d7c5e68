internal import Model
internal import Simulator
internal import TestSupport
internal import Testing
internal import Wire

/// What the reference backend tells beside the contract, which `ContractScanTests` tries on every backend.
@Suite(.timeLimit(.minutes(4)))
struct `Reference backend, scans of devices` {
    @Test
    func `a link says which scan made it, and that no scan was accepted twice`() throws {
        try withGateway { (simulator, gateway, device) throws in
            let child = device.scan(2, .child, "0016586", parent: "SB00860")
            _ = try gateway.send(device.scan(1, .parent, "SB00860"), child)
            _ = try gateway.send(child)
            #expect(try simulator.acceptances().values.allSatisfy { $0 == 1 })
            let link = try #require(try simulator.links().first)
            #expect(link.scan.dev == "scanner-1" && link.scan.lane == "table-1" && link.scan.laneSeq == 2)
            #expect(try simulator.count("wrong_parent") == 0)
        }
    }

    @Test
    func `a lane's scans out of order are taken and counted`() throws {
        try withGateway { (simulator, gateway, device) throws in
            _ = try gateway.send(device.scan(2, .parent, "SB00002"))
            #expect(try gateway.send(device.scan(1, .parent, "SB00001")).map(\.status) == ["accepted"])
            #expect(try simulator.count("order_broken") == 1)
        }
    }
}
