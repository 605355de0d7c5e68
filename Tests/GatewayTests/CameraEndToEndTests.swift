import Glibc
import Imaging
import JSON
import Model
import Pictures
import Posix
import Scenes
import TestSupport
import Testing

@testable import Gateway

/// The daemon as a process of its own, with its decoders, and the commands as people use them.
@Suite(.timeLimit(.minutes(4))) struct CameraEndToEndTests {
    private static func show(_ bench: GatewayBench) async throws -> JSONValue {
        try await bench.ask("device show", [("name", .string("belt-1"))])["device"] ?? .null
    }

    @Test func `a camera that the daemon reads shows its picture, and goes on reading`() async throws {
        try await withBench { bench in
            try bench.configure()
            try await bench.withCamera { table in
                let picture = try table.show(Codes.first)
                try await eventually("its label") { try await Self.show(bench)["scans"]?.integer == 1 }
                let file = bench.directory + "/seen.png"
                let snapshot = try await bench.command(["camera", "snapshot", "belt-1", file, "--plain", "--json"])
                #expect(snapshot.exit == 0, "\(snapshot.said)")
                let said = try JSONValue.parse(Array(snapshot.said.utf8))
                #expect(said["codes"]?.array?.compactMap { $0["text"]?.string } == ["SB00001"])
                let seen = LumaImage()
                try PictureFile.read(try read(file), into: seen)
                #expect(seen.withPixels { Array($0) } == picture.withPixels { Array($0) })
                // By its path, and with outlines.
                let drawn = try await bench.command(["camera", "snapshot", table.path, file])
                #expect(drawn.exit == 0 && drawn.said.contains("SB00001  QR"), "\(drawn.said)")
                let tune = try await bench.command(["camera", "tune", "belt-1", "--once"])
                #expect(tune.exit == 0 && tune.said.contains("1 code"), "\(tune.said)")
                let preview = try await bench.command(["camera", "preview", "belt-1", "--once"])
                #expect(preview.exit == 0 && preview.said.contains("\u{1B}["), "\(preview.said)")
                let other = try await bench.command(["camera", "tune", "belt-1", "--once", "--exposure", "5"])
                #expect(other.exit == 1 && other.said.contains("--exposure cannot be tried"), "\(other.said)")

                try table.show(Codes.second)
                try await eventually("the next label") { try await Self.show(bench)["scans"]?.integer == 2 }
            }
        }
    }

    @Test func `what becomes of a camera's frames is in status and with the device, and of no other scanner`()
        async throws
    {
        try await withBench { bench in
            try bench.configure()
            let scanner = try TestScanner()
            try await bench.withCamera { table in
                try await bench.add(scanner)
                try table.show(Codes.first)
                try await eventually("frames are counted") {
                    try await Self.show(bench)["camera"]?["decoded"]?.integer ?? 0 >= 10
                }
                // Whatever comes is looked at, or has given way, or is being looked at; one spoilt file is one bad frame or more.
                try Files.replace(table.path, with: [0xFF, 0xD8, 0xFF, 0xE0, 1, 2, 3])
                try await eventually("a spoilt frame is counted") {
                    try await Self.show(bench)["camera"]?["unreadable"]?.integer ?? 0 > 0
                }
                let devices = try await bench.ask("status")["devices"]?.array ?? []
                let camera = try #require(devices.first { $0["name"]?.string == "belt-1" }?["camera"])
                func count(_ key: String) -> Int64 { camera[key]?.integer ?? -1 }
                #expect(count("frames") - count("dropped") - count("decoded") <= 3, "\(camera)")
                #expect(count("frames") >= count("decoded") + count("dropped") && count("dropped") >= 0, "\(camera)")
                #expect(count("poison") == 0 && count("decoder_restarts") == 0 && camera["without"] == .null)
                #expect(camera["recent"]?["frames"]?.integer == count("frames"))
                #expect(devices.first { $0["name"]?.string == scanner.name }?["camera"] == nil)
                let doctor = try await bench.command(["doctor"])
                #expect(doctor.said.contains("ok     decoder: starts in its sandbox"), "\(doctor.said)")
                #expect(doctor.said.contains("frames of belt-1: "), "\(doctor.said)")
                // A picture of a scanner is none.
                let wrong = try await bench.command(["camera", "snapshot", scanner.name])
                #expect(wrong.exit == 2 && wrong.said.contains("is no camera"), "\(wrong.said)")
            }
        }
    }

    @Test func `the best frame of what passes without a label is in the state directory`() async throws {
        try await withBench { bench in
            try bench.configure()
            let options = [(key: "no_read", value: JSONValue.string("true")), ("keep_frames", .string("true"))]
            try await bench.withCamera(options) { table in
                let frames = bench.stateDirectory + "/frames"
                func decoded() async throws -> Int64 { try await Self.show(bench)["camera"]?["decoded"]?.integer ?? 0 }
                try await eventually("a frame is kept") {
                    // Six steps that differ, then a rest; again where too few of them were seen on a busy machine.
                    for left in [40, 90, 140, 190, 240, 290, nil, nil, nil] {
                        let before = try await decoded()
                        try table.show(nil, boxAt: left)
                        try await eventually("it is seen") { try await decoded() >= before + 3 }
                    }
                    return Files.names(in: frames).contains { $0.hasSuffix("_belt-1.jpg") }
                }
                try await eventually("it is counted") {
                    try await Self.show(bench)["dropped_by_reason"]?["no_read"]?.integer ?? 0 > 0
                }
            }
        }
    }

    @Test(.enabled(if: mayMount, "a small filesystem has to be mounted, which takes root"))
    func `a label that cannot be stored is offered again until it is, and stored once`() async throws {
        try await withSmallDisk { bench, disk in
            try bench.configure(spool: "min_free = \"1 MiB\"")
            try await bench.withCamera { table in
                try disk.fill()
                try table.show(Codes.first)
                // Offered each second, also when it has gone by; the next one behind it.
                try await eventually("it is refused and offered again") {
                    try await Self.show(bench)["refused_by_reason"]?["spool_full"]?.integer ?? 0 >= 1
                }
                try table.show(Codes.second)
                try await eventually("it is offered again") {
                    try await Self.show(bench)["refused_by_reason"]?["spool_full"]?.integer ?? 0 >= 3
                }
                try table.show(nil)
                #expect(try await bench.scans("waiting").isEmpty)
                disk.free()
                try await eventually("both are stored") { try await bench.count("waiting") == 2 }
                let stored = try await bench.scans("waiting").compactMap { $0["scan"]?["data"]?.string }
                #expect(stored == ["SB00001", "SB00002"])
                #expect(try await Self.show(bench)["dropped_by_reason"]?["unstored"] == nil)
            }
        }
    }
}
