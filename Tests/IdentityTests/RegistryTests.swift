import Crypto
import Database
import Glibc
import Identity
import Model
import Posix
import TestSupport
import Testing

private func name(_ text: String) throws -> DeviceID { try #require(DeviceID(text)) }

private func open(_ directory: String, key: String? = nil) throws -> Registry {
    try Registry(stateDirectory: directory, sealingKeyFile: key, clock: .system)
}

extension Registry {
    @discardableResult
    fileprivate func add(_ text: String) throws -> (device: Device, key: [UInt8]) {
        try add(
            try name(text), kind: .serial, lane: try #require(LaneID("table-1")), roles: [.parent, .child],
            options: ["port": "/dev/ttyACM0"], by: "test")
    }
}

@Suite struct RegistryTests {
    @Test func `a device and its key are there after a restart, and the key is sealed in the file`() throws {
        try withTemporaryDirectory { directory in
            let first = try open(directory)
            let added = try first.add("scanner-1")
            first.close()
            let second = try open(directory)
            #expect(try second.devices() == [added.device])
            let keys = try second.openKeys(of: try name("scanner-1"))
            #expect(keys.map(\.kid) == [DeviceKey.identify(added.key)])
            #expect(keys[0].key.bytes == added.key)
            second.close()
            for file in ["identity.db", "identity.db-wal"] where Files.status("\(directory)/\(file)") != nil {
                #expect(!contains(try read("\(directory)/\(file)"), added.key))
            }
        }
    }

    @Test func `the kid is the contract's`() {
        #expect(DeviceKey.identify(Array(0..<32)).text == "cc8abed72e46ea38")
    }

    @Test func `a name is taken once, and an unknown one is said to be unknown`() throws {
        try withTemporaryDirectory { directory in
            let registry = try open(directory)
            try registry.add("scanner-1")
            #expect(throws: IdentityError.self) { try registry.add("scanner-1") }
            let error = #expect(throws: IdentityError.self) { try registry.remove(try name("scanner-2"), by: "test") }
            #expect(error?.code == .unknown)
        }
    }

    @Test func `rotation signs with a new key and keeps the old one for scans that wait`() throws {
        try withTemporaryDirectory { directory in
            let registry = try open(directory)
            let added = try registry.add("scanner-1")
            let rotated = try registry.rotateKey(added.device.name, by: "test")
            let keys = try registry.openKeys(of: added.device.name)
            #expect(keys.map(\.kid) == [rotated.device.kid, added.device.kid])
            #expect(keys.map(\.state) == [.current, .previous])
        }
    }

    @Test func `disable, enable and remove take effect and are audited`() throws {
        try withTemporaryDirectory { directory in
            let registry = try open(directory)
            let device = try registry.add("scanner-1").device.name
            try registry.setEnabled(device, false, by: "maria")
            #expect(try !registry.device(device).isEnabled)
            try registry.setEnabled(device, true, by: "maria")
            try registry.remove(device, by: "maria")
            #expect(try registry.devices().isEmpty)
            #expect(
                try registry.audit.latest(9).map(\.action) == [
                    "device add", "device disable", "device enable", "device remove",
                ])
            #expect(try registry.audit.firstFault() == nil)
        }
    }

    @Test func `a changed audit row is found`() throws {
        try withTemporaryDirectory { directory in
            let registry = try open(directory)
            try registry.add("scanner-1")
            try registry.add("scanner-2")
            let other = try Connection(path: directory + "/identity.db")
            try other.execute("UPDATE audit SET actor = 'nobody' WHERE n = 1")
            other.close()
            #expect(try registry.audit.firstFault() == 1)
        }
    }

    @Test func `without its sealing key a keystore is refused, and no new key is made`() throws {
        try withTemporaryDirectory { directory in
            let registry = try open(directory)
            try registry.add("scanner-1")
            registry.close()
            removeTree(directory + "/sealing-key")
            let error = #expect(throws: IdentityError.self) { try open(directory) }
            #expect(error?.code == .sealing)
            #expect(Files.status(directory + "/sealing-key") == nil)
        }
    }

    @Test func `another sealing key opens nothing`() throws {
        try withTemporaryDirectory { directory in
            let registry = try open(directory)
            try registry.add("scanner-1")
            registry.close()
            try write(SecretBytes.random(32), to: directory + "/sealing-key")
            let error = #expect(throws: IdentityError.self) { try open(directory) }
            #expect(error?.code == .sealing)
        }
    }

    @Test func `a sealing key that others can read is refused with the chmod that mends it`() throws {
        try withTemporaryDirectory { directory in
            try open(directory).close()
            try Files.replace(directory + "/sealing-key", with: SecretBytes.random(32), mode: 0o644)
            // A gateway of another test gives the process a umask that would take the rights away again.
            #expect(chmod(directory + "/sealing-key", 0o644) == 0)
            let error = #expect(throws: IdentityError.self) { try open(directory) }
            #expect(error?.message.contains("chmod 600 \(directory)/sealing-key") == true)
        }
    }

    @Test func `the gateway's name is kept once it is known`() throws {
        try withTemporaryDirectory { directory in
            let registry = try open(directory)
            let name = try registry.gatewayName(configured: nil)
            #expect(try registry.gatewayName(configured: nil) == name)
            #expect(try registry.gatewayName(configured: GatewayID("dock-7")).text == "dock-7")
        }
    }
}

private func contains(_ bytes: [UInt8], _ part: [UInt8]) -> Bool {
    guard bytes.count >= part.count else { return false }
    return (0...(bytes.count - part.count)).contains { bytes[$0..<($0 + part.count)].elementsEqual(part) }
}
