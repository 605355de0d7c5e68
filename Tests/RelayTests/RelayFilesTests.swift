import Glibc
import Model
import TestSupport
import Testing

@testable import Uplinks

@Suite struct RelayFilesTests {
    private func key(_ byte: UInt8) -> [UInt8] {
        Array("\(Base64URL.encode([UInt8](repeating: byte, count: 32)))\n".utf8)
    }

    @Test func `a key is its gateway's by the file's name, also by a credential's`() throws {
        try withTemporaryDirectory { directory in
            try write(key(1), to: directory + "/dock-1")
            try write(key(2), to: directory + "/gateway-keys_dock_2")
            try write(key(3), to: directory + "/.dock-3.swp")
            let keys = try RelayKeys.load(directory)
            #expect(Set(keys.entries.keys.map(\.text)) == ["dock-1", "dock_2"])
            #expect(keys[gatewayID("dock-1")]?.file == directory + "/dock-1")
        }
    }

    @Test func `a key that others can read, or that is none, is left out and stops no other`() throws {
        try withTemporaryDirectory { directory in
            try write(key(1), to: directory + "/dock-1")
            try write(key(2), to: directory + "/dock-2")
            chmod(directory + "/dock-2", 0o644)
            try write(Array("password\n".utf8), to: directory + "/dock-3")
            try write(key(4), to: directory + "/-dock-4")
            #expect(try RelayKeys.load(directory).entries.keys.map(\.text) == ["dock-1"])
            unlink(directory + "/dock-1")
            #expect(throws: UplinkError.self) { try RelayKeys.load(directory) }
        }
    }

    @Test(arguments: [
        "", "{}", "{\"gateway\":\"a\",\"name\":\"b\",\"kid\":\"cc8abed72e46ea38\",\"alg\":\"none\",\"key\":\"x\"}",
        "<html>",
    ])
    func `a file of scanners' keys that holds none is an error with its line`(text: String) throws {
        try withTemporaryDirectory { directory in
            try write(Array(text.utf8), to: directory + "/devices")
            #expect(throws: UplinkError.self) { try DeviceKeyFile.load(directory + "/devices") }
        }
    }

    @Test func `a key under another key's id is not taken`() throws {
        let bytes = Base64URL.encode([UInt8](0..<32))
        func line(_ kid: String) -> [UInt8] {
            Array(
                "{\"gateway\":\"a\",\"name\":\"b\",\"kid\":\"\(kid)\",\"alg\":\"hs256\",\"key\":\"\(bytes)\"}\n".utf8)
        }
        try withTemporaryDirectory { directory in
            try write(line("cc8abed72e46ea38"), to: directory + "/devices")
            #expect(try DeviceKeyFile.load(directory + "/devices").count == 1)
            try write(line("cc8abed72e46ea39"), to: directory + "/devices")
            #expect(throws: UplinkError.self) { try DeviceKeyFile.load(directory + "/devices") }
        }
    }
}
