internal import FrameLink
internal import Model
internal import Posix

/// Has a camera's frames decoded by a worker process, the newest first: its daemon's side. Confined to the capture thread.
///
/// A frame that comes while the worker is at another waits in the second slot, and gives way to a newer one, so that no
/// answer is about a frame older than two. A worker that dies, that takes longer than its time or says what nobody asked
/// is killed and another one started; the frame that it had is counted as poison and not shown again, and the decoder in
/// which that was is left out for a while, or what lies in the picture where that was both (`LeftOut`). The next worker is started at once, and after more deaths without an
/// answer between them ever later, up to 2 s.
final class FrameDecoder {
    /// How long a worker may take.
    struct Patience {
        /// To start: it loads some twenty libraries.
        var start: Duration = .seconds(30)
        /// For one frame.
        var frame: Duration = .seconds(2)
    }

    /// What a worker's word, or its end, has led to.
    enum Event {
        /// The answer for a frame, and when that was offered (microseconds).
        case frame(FrameResult, at: Int64)
        /// The picture of a frame that was offered with a wish for it; nil where there is none.
        case picture([UInt8]?)
        /// The frame that was kept, as JPEG; nil where none was, or where it was lost with a worker.
        case kept([UInt8]?)
        /// What lies in the picture now was not searched, and is not for a while: both decoders end at it.
        case unsearched
        /// A worker was lost; a sentence for the admin.
        case trouble(String)
        /// There will be no worker that works; why.
        case unfit(String)
    }

    /// What has happened since the start.
    struct Counts: Equatable {
        /// Frames that were offered.
        var offered = 0
        /// Frames that gave way to a newer one.
        var replaced = 0
        /// Frames that were answered.
        var answered = 0
        /// Frames that a worker was lost with.
        var poison = 0
        /// Workers that were lost.
        var deaths = 0
        /// Frames that could not be looked at.
        var unreadable = 0
    }

    /// Deaths in a row of workers that never were ready, after which the decoder is given up.
    static let hopeless = 5

    private let program: DecoderProgram
    private let patience: Patience
    private var memory: FrameMemory?
    private var worker: (process: any DecoderProcess, socket: MessageSocket)?
    private var reader = ReportReader()
    private var busy: (slot: Int, at: Int64, isFile: Bool)?
    private var waiting: (order: FrameOrder, at: Int64)?
    private var wantsKept = false
    private var askedAt: Int64 = 0
    /// Deaths since the last answer, and how many of those were before a worker was ready.
    private var deaths = 0
    private var stillborn = 0
    private var restartAt: Int64?
    private var leftOut = LeftOut()
    /// Whether the worker knows what lies in the picture.
    private var knowsBackground = false
    private var isLearning = false
    private(set) var counts = Counts()

    init(_ program: DecoderProgram, patience: Patience = Patience()) {
        self.program = program
        self.patience = patience
    }

    /// To poll for reading; nil while there is no worker.
    var descriptor: Int32? { worker?.socket.file.raw }

    /// When `tick` is to be called, in microseconds; nil for not by itself.
    var deadline: Int64? {
        guard worker != nil else { return restartAt }
        switch reader.isBusy {
        case false: return nil
        case true: return askedAt + limit
        }
    }

    private var limit: Int64 {
        (isReady ? patience.frame : patience.start).microseconds
    }
    private var isReady = false

    /// What is left out now.
    func without(at now: Int64) -> Omission? { leftOut.omission(at: now) }

    /// Starts the first worker.
    func begin(at now: Int64) -> [Event] {
        do throws(SystemError) { memory = try FrameMemory() } catch { return [.unfit(error.description)] }
        return start(at: now)
    }

    /// Takes a frame in.
    ///
    /// - Parameters:
    ///   - picture: as what it is wanted besides, if at all.
    ///   - fill: writes it into a slot; nil where it does not fit.
    /// - Returns: whether it was taken.
    func offer(
        _ number: UInt64, at now: Int64, keeps: Bool, picture: FrameOrder.Picture? = nil,
        _ fill: (UnsafeMutableRawBufferPointer) -> (content: FrameOrder.Content, length: Int)?
    ) -> Bool {
        counts.offered += 1
        let slot = busy?.slot == 0 ? 1 : 0
        var picture = picture
        if let old = waiting {
            counts.replaced += 1
            // The wish goes over to the newer one.
            picture = picture ?? old.order.picture
        }
        waiting = nil
        guard let memory, let (content, length) = fill(memory.slot(slot)) else {
            counts.unreadable += 1
            return false
        }
        waiting = (
            FrameOrder(slot: slot, number: number, content: content, length: length, keeps: keeps, picture: picture),
            now
        )
        pump(at: now)
        return true
    }

    /// Takes a picture file in, at most `FrameMemory.fileSize` bytes; only while no other offer is under way.
    func offer(file: [UInt8], _ number: UInt64, at now: Int64) {
        guard let memory else { return }
        counts.offered += 1
        file.withUnsafeBytes { memory.file.copyMemory(from: $0) }
        waiting = (FrameOrder(slot: 0, number: number, content: .file, length: file.count), now)
        pump(at: now)
    }

    /// Asks for the frame that is kept, before any newer frame is shown to the worker.
    func askForKept(at now: Int64) {
        wantsKept = true
        pump(at: now)
    }

    /// Takes what the worker has said.
    func read(at now: Int64) -> [Event] {
        var events: [Event] = []
        // Bounded: an answer's messages; a worker that goes on is not to keep the thread.
        for _ in 0...FrameResult.maxCodes {
            guard let socket = worker?.socket else { break }
            switch socket.receive(atMost: WorkerReport.limit) {
            case .nothing: return events
            case .closed: return events + lose("ended", at: now)
            case .message(let message):
                do throws(ReportReader.Rubbish) {
                    if let answer = try reader.take(message) { events += take(answer, at: now) }
                } catch { return events + lose("said what nobody had asked, and was killed", at: now) }
            }
        }
        return events
    }

    /// Does what time demands.
    func tick(at now: Int64) -> [Event] {
        if worker == nil, let restartAt, now >= restartAt { return start(at: now) }
        guard worker != nil, reader.isBusy, now - askedAt >= limit else { return [] }
        return lose(isReady ? "took longer than \(patience.frame)" : "did not start within \(patience.start)", at: now)
    }

    /// Ends the worker.
    func end() {
        _ = worker?.process.end()
        worker = nil
        restartAt = nil
    }

    private func start(at now: Int64) -> [Event] {
        restartAt = nil
        (reader, isReady, busy, askedAt) = (ReportReader(), false, nil, now)
        (knowsBackground, isLearning) = (false, false)
        guard let memory else { return [] }
        memory.note(nil)
        do throws(SystemError) {
            let (ours, theirs) = try MessageSocket.pair()
            worker = (try program.start(theirs.file.raw, memory.descriptor), ours)
            return []
        } catch { return [.unfit("the decoder cannot be started: \(error.description)")] }
    }

    private func take(_ answer: ReportReader.Answer, at now: Int64) -> [Event] {
        var events: [Event] = []
        switch answer {
        case .unfit(let text): return [.unfit("the decoder does not work: \(text)")]
        case .ready: (isReady, stillborn) = (true, 0)
        case .kept(let length):
            wantsKept = false
            events.append(.kept(memory?.picture(of: length)))
        case .frame(let result):
            // That one was looked at without danger: it says nothing of the next.
            if !isLearning { deaths = 0 }
            counts.answered += 1
            if result.isUnreadable { counts.unreadable += 1 }
            if isLearning, !result.isUnreadable {
                knowsBackground = true
                events.append(.unsearched)
            }
            isLearning = false
            events.append(.frame(result, at: busy?.at ?? now))
            if wantsPicture { events.append(.picture(memory?.picture(of: result.pictureLength))) }
            (busy, wantsPicture) = (nil, false)
        }
        // A wish for the kept frame that this answer leads to comes before the next frame: see `CameraCapture`.
        return events
    }
    private var wantsPicture = false

    /// Gives the worker its next order, if it is free: the kept frame before any other.
    func pump(at now: Int64) {
        guard let socket = worker?.socket, isReady, !reader.isBusy else { return }
        let order: WorkerOrder
        if wantsKept {
            order = .kept
        } else if let (offered, at) = waiting {
            var frame = offered
            // Files are not alike: what killed with one says nothing of the next.
            let omission = frame.content == .file ? nil : leftOut.omission(at: now)
            if case .decoder(let decoder) = omission { frame.without = decoder }
            if omission == .background {
                (frame.background, isLearning) = knowsBackground ? (.hidden, false) : (.learnt, true)
            } else {
                // The order has it forget.
                knowsBackground = false
            }
            order = .frame(frame)
            waiting = nil
            busy = (frame.slot, at, frame.content == .file)
            wantsPicture = frame.picture != nil
        } else {
            return
        }
        // One order at a time always has room; a worker that is gone is seen by its closed socket.
        _ = socket.send(order.message)
        reader.sent(order)
        askedAt = now
    }

    private func lose(_ why: String, at now: Int64) -> [Event] {
        guard let lost = worker else { return [] }
        let end = lost.process.end()
        worker = nil
        counts.deaths += 1
        deaths += 1
        var events: [Event] = []
        let how = why == "ended" ? "ended (\(end))" : why
        if busy != nil || reader.frame != nil {
            counts.poison += 1
            // The worker's own word, which it may have forged: at worst it then reads less, which it could do anyway.
            let place =
                busy?.isFile == true
                ? nil
                : memory?.noted.map { decoder in
                    let (omission, span) = leftOut.lost(in: decoder, at: now, isHang: why != "ended")
                    return omission == .background
                        ? " in \(decoder), after the other one: for \(span / 1_000_000) s only what changes is looked at"
                        : " in \(decoder), which is left out for \(span / 1_000_000) s"
                }
            events.append(
                .trouble(
                    "the decoder \(how) at a frame, which is not shown to it again\(place.map { "," + $0 } ?? "");"
                        + " another one goes on"))
        } else {
            events.append(.trouble("the decoder \(how); another one goes on"))
        }
        if wantsPicture { events.append(.picture(nil)) }
        if wantsKept { events.append(.kept(nil)) }
        (busy, wantsPicture, wantsKept) = (nil, false, false)
        if !isReady { stillborn += 1 }
        guard stillborn < Self.hopeless else {
            return events + [.unfit("the decoder never becomes ready: it \(how)")]
        }
        // 0, 50 ms, 100 ms, … 2 s.
        let delay = deaths <= 1 ? 0 : min(2000, 50 << min(deaths - 2, 6))
        restartAt = now + Int64(delay) * 1000
        return delay == 0 ? events + start(at: now) : events
    }
}

extension Duration {
    /// Whole microseconds.
    var microseconds: Int64 { components.seconds * 1_000_000 + components.attoseconds / 1_000_000_000_000 }
}
