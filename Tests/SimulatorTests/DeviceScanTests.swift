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

    @Test
    func `a scan of a log that its lane has left is out of order, also after the backend was started again`() throws {
        try withTemporaryDirectory { (directory) throws in
            var batch: UInt64 = 0
            var second = TestDevice()
            var first = second
            (first.log, second.log) = ("00000000000000a1", "00000000000000a2")
            let other = TestDevice("scanner-2", lane: "table-2")
            func send(_ scans: [UInt8]...) throws -> Int {
                try withSimulator({ $0.database = directory + "/backend.db" }) { simulator in
                    for device in [first, other] { try simulator.addDeviceKey(device.registered) }
                    let gateway = try TestGateway(simulator)
                    for scan in scans {
                        batch += 1
                        let answer = try gateway.post(gateway.body([scan], id: gateway.batchID(batch)))
                        #expect(try BatchReply.parse(answer.body).results.map(\.status) == ["accepted"])
                    }
                    return try simulator.count("order_broken")
                }
            }
            #expect(try send(first.scan(1, .parent, "SB00001")) == 0)
            // The lane's numbers go on with the next start's log; another lane has its own order.
            #expect(
                try send(
                    first.scan(2, .parent, "SB00002"), second.scan(4, .parent, "SB00004"),
                    other.scan(1, .parent, "SB00010")) == 0)
            #expect(try send(second.scan(5, .parent, "SB00005"), first.scan(3, .parent, "SB00003")) == 1)
        }
    }
}
