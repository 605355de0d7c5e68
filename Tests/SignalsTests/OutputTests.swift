import Glibc
import Model
import Posix
import Synchronization
import TestSupport
import Testing

@testable import Signals

/// Runs `body` with an output on a recording device, and a clock that stands still.
private func withOutput(
    isolation: isolated (any Actor)? = #isolation,
    _ body: (SignalOutput, RecordingDevice.Recorder, ManualClock) async throws -> Void
) async throws {
    let (clock, recorder) = (ManualClock(), RecordingDevice.Recorder())
    let settings = SignalSettings(name: "x", kind: .light(path: "/x", baud: 9600, colours: TestLight.colours))
    let output = SignalOutput(settings, RecordingDevice(recorder), clock: clock.source)
    let running = Task { await output.run() }
    do { try await body(output, recorder, clock) } catch {
        recorder.log.withLock { $0.isStuck = false }
        output.finish()
        await running.value
        throw error
    }
    recorder.log.withLock { $0.isStuck = false }
    output.finish()
    await running.value
    #expect(recorder.lines.last == "close")
}

@Suite(.timeLimit(.minutes(4))) struct SignalOutputTests {
    @Test func `a pattern is given beat by beat`() async throws {
        try await withOutput { output, recorder, clock in
            output.give(.storedOffline)
            for step in [150, 130, 450] {
                #expect(await clock.advanceToNextSleeper() == .milliseconds(step))
            }
            try await eventually("the end") { recorder.lines.count == 5 }
            #expect(recorder.lines == ["begin 3", "amber", "-", "amber", "-"])
            #expect(output.status.given == 1 && output.status.fault == nil)
        }
    }

    @Test func `a newer signal takes the place of the one under way`() async throws {
        try await withOutput { output, recorder, clock in
            output.give(.storedOffline)
            await clock.waitForSleepers()
            output.give(.stored)
            try await eventually("the second") { recorder.lines.count == 4 }
            #expect(recorder.lines == ["begin 3", "amber", "begin 1", "green"])
            await clock.advanceToNextSleeper()
            try await eventually("its end") { recorder.lines.last == "-" }
            #expect(recorder.lines.count == 5 && clock.sleepers == 0)
        }
    }

    @Test func `a refusal is given to its end, then the newest that came meanwhile`() async throws {
        try await withOutput { output, recorder, clock in
            output.give(.refused)
            await clock.waitForSleepers()
            output.give(.stored)
            output.give(.duplicate)
            for _ in 0..<3 { await clock.advanceToNextSleeper() }
            try await eventually("the newest") { recorder.lines.last == "amber" }
            #expect(recorder.lines == ["begin 3", "red", "-", "red", "-", "begin 3", "amber"])
        }
    }

    @Test func `a refusal cuts anything short, another refusal too`() async throws {
        try await withOutput { output, recorder, clock in
            for signal in [Signal.bagComplete, .refused, .refused] {
                output.give(signal)
                await clock.waitForSleepers()
                try await eventually("it to begin") { recorder.lines.last == (signal == .refused ? "red" : "green") }
            }
            try await eventually("all three") { recorder.lines.count == 6 }
            #expect(recorder.lines == ["begin 5", "green", "begin 3", "red", "begin 3", "red"])
        }
    }

    @Test func `a device that hangs costs the oldest signals, and nobody waits`() async throws {
        try await withOutput { output, recorder, _ in
            recorder.log.withLock { $0.isStuck = true }
            output.give(.stored)
            try await eventually("it to hang") { recorder.lines == ["begin 1"] }
            for _ in 0..<40 { output.give(.duplicate) }
            output.give(.refused)
            #expect(output.status.dropped == 41 - SignalOutput.bound)
            recorder.log.withLock { $0.isStuck = false }
            try await eventually("the newest") { recorder.lines.last == "red" }
        }
    }

    @Test func `an error is kept until the device works again, and the next signal tries`() async throws {
        try await withOutput { output, recorder, _ in
            let fault = SignalError("no such light", hint: "plug it in")
            recorder.log.withLock { $0.fault = fault }
            let replies = Mutex<[SignalError?]>([])
            for _ in 0..<2 { output.give(.stored) { error in replies.withLock { $0.append(error) } } }
            try await eventually("both") { replies.withLock { $0.count } == 2 }
            #expect(output.status.fault == fault && output.status.failed == 2 && output.status.given == 0)
            recorder.log.withLock { $0.fault = nil }
            output.give(.stored)
            try await eventually("it to work") { output.status.fault == nil }
            #expect(output.status.given == 1)
        }
    }
}

@Suite(.timeLimit(.minutes(4))) struct FarewellTests {
    @Test func `a device that hangs holds up neither a reload nor the end`() async throws {
        let clock = ManualClock()
        let recorder = RecordingDevice.Recorder()
        let signaller = Signaller(patience: .milliseconds(20)) {
            SignalOutput($0, RecordingDevice(recorder), clock: clock.source)
        }
        let lane = try #require(LaneID("table-1"))
        func settings(_ name: String) -> SignalSettings {
            SignalSettings(name: name, kind: .gpio(chip: "x", lines: [], isActiveLow: false))
        }
        await signaller.use([settings("first")])
        recorder.log.withLock { $0.isStuck = true }
        signaller.give(.stored, lane: lane)
        try await eventually("it to hang") { !recorder.lines.isEmpty }
        await signaller.use([settings("second")])
        #expect(signaller.outputs().map(\.settings.name) == ["second"])
        signaller.give(.stored, lane: lane)
        try await eventually("the second to hang") { recorder.lines.count == 2 }
        await signaller.stop()
        #expect(signaller.isSilent)
        recorder.log.withLock { $0.isStuck = false }
        try await eventually("both to let go") { recorder.lines.count { $0 == "close" } == 2 }
    }
}

@Suite(.timeLimit(.minutes(4))) struct LightTests {
    @Test func `a light on a serial line is switched on and off, in its colours`() async throws {
        let (clock, light) = (ManualClock(), try TestLight())
        clock.setAutomatic(true)
        let signaller = Signaller(clock: clock.source)
        await signaller.use([light.settings()])
        let lane = try #require(LaneID("table-1"))
        for (signal, text) in [
            (Signal.stored, "+g-"), (.storedOffline, "+a-+a-"), (.duplicate, "+a-+a-"), (.bagComplete, "+g-+g-+g-"),
            (.refused, "+r-+r-"),
        ] {
            signaller.give(signal, lane: lane)
            try await light.expect(text)
        }
        await signaller.stop()
        #expect(try light.read() == "")
    }

    @Test func `whatever is lit goes out with the gateway`() async throws {
        let (clock, light) = (ManualClock(), try TestLight())
        let signaller = Signaller(clock: clock.source)
        await signaller.use([light.settings()])
        signaller.give(.refused, lane: try #require(LaneID("table-1")))
        try await light.expect("+r")
        await signaller.stop()
        try await light.expect("-")
    }

    @Test func `a lane's signals are given by its own outputs and by those of all lanes`() async throws {
        let clock = ManualClock()
        clock.setAutomatic(true)
        let (own, other, all) = (try TestLight(), try TestLight(), try TestLight())
        let lanes = try (1...2).map { try #require(LaneID("table-\($0)")) }
        let signaller = Signaller(clock: clock.source)
        await signaller.use([
            own.settings("own", lanes: [lanes[0]]), other.settings("other", lanes: [lanes[1]]), all.settings("all"),
        ])
        signaller.give(.stored, lane: lanes[0])
        try await own.expect("+g-")
        try await all.expect("+g-")
        signaller.give(.refused, lane: lanes[1])
        try await other.expect("+r-+r-")
        try await all.expect("+r-+r-")
        #expect(try own.read() == "")
        await signaller.stop()
    }

    @Test func `a reload keeps what is as it was, and hands a device on`() async throws {
        let clock = ManualClock()
        clock.setAutomatic(true)
        let (kept, changed) = (try TestLight(), try TestLight())
        let lane = try #require(LaneID("table-1"))
        let signaller = Signaller(clock: clock.source)
        await signaller.use([kept.settings("kept"), changed.settings("changed")])
        signaller.give(.stored, lane: lane)
        try await kept.expect("+g-")
        try await changed.expect("+g-")
        let silence = [Signal.stored: SignalPattern.silence]
        await signaller.use([kept.settings("kept"), changed.settings("changed", patterns: silence)])
        for signal in [Signal.stored, .refused] { signaller.give(signal, lane: lane) }
        try await changed.expect("+r-+r-")
        let counts = signaller.outputs().map(\.status).sorted { $0.settings.name < $1.settings.name }.map(\.given)
        #expect(counts.last == 3)
        await signaller.stop()
        #expect(signaller.isSilent)
    }

    @Test func `a missing light is named, and used when it is there`() async throws {
        try await withTemporaryDirectory { directory in
            let (clock, light) = (ManualClock(), try TestLight())
            clock.setAutomatic(true)
            let path = directory + "/light"
            let output = SignalOutput(
                SignalSettings(name: "x", kind: .light(path: path, baud: 9600, colours: TestLight.colours)),
                clock: clock.source)
            let running = Task { await output.run() }
            output.give(.stored)
            try await eventually("the fault") { output.status.fault != nil }
            #expect(output.status.fault?.message == "cannot open \(path): No such file or directory")
            #expect(output.status.fault?.hint.isEmpty == false)
            symlink(light.path, path)
            output.give(.stored)
            try await light.expect("+g-")
            #expect(output.status.fault == nil)
            output.finish()
            await running.value
        }
    }

    @Test func `no line of a chip that is not there`() async throws {
        let clock = ManualClock()
        let output = SignalOutput(
            SignalSettings(
                name: "x",
                kind: .gpio(
                    chip: "/dev/scangate-no-chip", lines: [.init(colour: "red", offset: 4)], isActiveLow: true)),
            clock: clock.source)
        let running = Task { await output.run() }
        for _ in 0..<2 {
            output.give(.refused)
        }
        try await eventually("both") { output.status.failed == 2 }
        #expect(output.status.fault?.message == "cannot open /dev/scangate-no-chip: No such file or directory")
        output.finish()
        await running.value
    }
}
