import JSON
import TestSupport
import Testing

@testable import Gateway

@Suite(.timeLimit(.minutes(4))) struct DeviceAddTests {
    private static func request(
        _ name: String, match: [String] = [], kind: String? = nil, _ options: [String: String] = [:]
    ) -> [(key: String, value: JSONValue)] {
        [
            ("name", .string(name)),
            ("options", .object(options.sorted { $0.key < $1.key }.map { ($0.key, .string($0.value)) })),
            ("match", .array(match.map { .string($0) })),
        ] + (kind.map { [("kind", .string($0))] } ?? [])
    }

    /// What is asked for, and how the refusal begins.
    struct Wrong: Sendable {
        var options: [String: String] = [:]
        var match: [String] = []
        var kind: String? = "serial"
        let message: String
    }

    static let wrong: [Wrong] = [
        Wrong(options: ["port": "/dev/ttyACM0", "profile": "x"], message: "--profile x: there is no profile x"),
        Wrong(
            options: ["port": "/dev/ttyACM0", "profile": "generic/keyboard"],
            message: "--profile generic/keyboard: generic/keyboard is for keyboard scanners"),
        Wrong(message: "which scanner?"),
        Wrong(match: ["prefix=S03"], message: "--match prefix= says which label of a base"),
        Wrong(match: ["usb=5e0"], message: "--match usb=5e0: write ids as lsusb does"),
        Wrong(
            options: ["port": "/dev/ttyACM0"], match: ["serial=1"],
            message: "--port and --match both say which scanner"),
        Wrong(options: ["port": "ttyACM0"], message: "--port ttyACM0: write a path"),
        Wrong(match: ["serial=none-such"], kind: nil, message: "no such scanner is attached"),
        Wrong(match: ["serial=1"], kind: "network", message: "--kind network: this version reads serial, keyboard"),
        Wrong(options: ["layout": "xx"], match: ["serial=1"], kind: "keyboard", message: "--layout xx"),
        Wrong(options: ["port": "/dev/ttyACM0", "baud": "7"], message: "--baud 7"),
        Wrong(options: ["port": "/dev/ttyACM0", "parity": "maybe"], message: "--parity maybe: write one of none"),
        Wrong(
            options: ["port": "/dev/ttyACM0", "trigger_on": "T"], message: "--trigger-off: write both --trigger-on"),
        Wrong(
            options: ["port": "/dev/video0", "size": "HD"], kind: "camera", message: "--size HD: write WIDTHxHEIGHT"),
        Wrong(options: ["port": "/dev/ttyACM0", "leds": "true"], message: "--leds: a serial scanner has no such"),
        Wrong(
            options: ["ack": "true"], match: ["serial=1"], kind: "keyboard",
            message: "--ack: a keyboard scanner has no such option"),
        Wrong(
            options: ["baud": "9600"], match: ["serial=1"], kind: "hidpos",
            message: "--baud: a hidpos scanner has no such option"),
    ]

    @Test(arguments: wrong) func `what no scanner can be is refused with what to write, and nothing is registered`(
        wrong: Wrong
    ) async throws {
        try await withGateway { bench, _ in
            let request = Self.request("scanner-1", match: wrong.match, kind: wrong.kind, wrong.options)
            let error = await #expect(throws: CommandError.self) { try await bench.ask("device add", request) }
            #expect(error?.exit == .usage)
            #expect(error?.message.hasPrefix(wrong.message) == true, "\(error?.message ?? "")")
            let devices = try await bench.ask("device list")["devices"]?.array
            #expect(devices?.isEmpty == true)
        }
    }

    @Test(arguments: [
        ("keyboard", ["layout": "de", "caps_lock": "true", "controls": #"\x02"#, "leds": "true", "terminator": "tab"]),
        (
            "camera",
            [
                "size": "1920x1080", "rate": "25", "format": "YUYV", "exposure": "20", "gain": "auto", "focus": "0",
                "symbologies": "QR,DataMatrix", "charset": "shift_jis", "agree": "2", "again_after_ms": "3000",
                "direction": "left-to-right", "no_read": "true", "keep_frames": "true",
            ]
        ),
        ("hidpos", ["aim": "false", "trigger": "syn", "signal_bag_complete": #"\x04\x01"#]),
        (
            "serial",
            [
                "baud": "1200", "data_bits": "7", "parity": "even", "stop_bits": "2", "flow": "rtscts",
                "protocol": "datalogic", "star": "true", "init": #"\x16"#, "trigger_on": "E", "trigger_off": "D",
                "signal_stored": #"\x07|100|\x07"#, "signal_refused": "",
            ]
        ),
    ]) func `a device has every option of its kind`(kind: String, options: [String: String]) async throws {
        try await withGateway { bench, _ in
            _ = try await bench.ask("device add", Self.request("one", match: ["serial=1"], kind: kind, options))
            #expect(try await bench.ask("device list")["devices"]?.array?.first?["kind"]?.string == kind)
        }
    }

    @Test func `several scanners of one base are told apart by their prefixes, and by nothing else`() async throws {
        try await withGateway { bench, _ in
            let base = TestBase(bench)
            let scanner = try TestScanner("base")
            for (name, prefix) in [("s03", "S03"), ("s04", "S04")] {
                try await base.add(name, scanner.path, prefix)
            }
            for taken in ["S04", "S", "S041"] {
                await #expect(throws: CommandError.self) { try await base.add("s05", scanner.path, taken) }
            }
            #expect(try await scanner.scan("S03SB10003") == TestScanner.stored)
            #expect(try await scanner.scan("S04SB10004") == TestScanner.stored)
            // Nobody's, and it must not become anybody's.
            #expect(try await scanner.scan("SB10005") == TestScanner.refused)
            _ = try await bench.ask("device disable", [("name", .string("s04"))])
            try await eventually("the port to be read again") {
                try await scanner.scan("S03" + childLabel(1)) == TestScanner.stored
            }
            #expect(try await scanner.scan("S04SB10006") == TestScanner.refused)
            let scans = try await bench.scans("export").compactMap { $0["scan"] }
            let stored = scans.map { "\($0.cell("dev")) \($0.cell("data"))" }
            #expect(stored == ["s03 SB10003", "s04 SB10004", "s03 1000001"], "\(stored)")
        }
    }

    /// Registers scanners of a base at a path, each a device with a lane of its own.
    private struct TestBase {
        private let bench: GatewayBench
        init(_ bench: GatewayBench) { self.bench = bench }

        func add(_ name: String, _ path: String, _ prefix: String) async throws {
            _ = try await bench.ask(
                "device add",
                DeviceAddTests.request(name, match: ["prefix=\(prefix)"], ["port": path, "ack": "true"]))
        }
    }

    @Test func `what is attached is listed, with the daemon or without`() async throws {
        try await withGateway { bench, _ in
            // What this machine has is not known; that it is told, and in which shape, is.
            let attached = try #require(try await bench.ask("device discover")["attached"]?.array)
            for node in attached {
                #expect(node["path"]?.string?.hasPrefix("/dev/") == true)
                let kind = node["kind"]?.string ?? ""
                #expect(["serial", "keyboard", "hidpos"].contains(kind))
                #expect(node["add"]?.string?.hasPrefix("scangate device add NAME --kind ") == true)
            }
        }
    }
}

extension JSONValue {
    fileprivate func cell(_ key: String) -> String { self[key]?.string ?? "" }
}
