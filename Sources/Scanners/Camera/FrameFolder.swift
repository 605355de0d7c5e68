internal import Glibc
public import Model
internal import Posix
internal import Synchronization

/// A folder of frames that people look at: the best one of each object that passed without a label. Any thread.
///
/// A kept frame is a help and never in a scan's way: `keep` returns at once, a thread of its own writes, and a disk that is
/// full or slow costs frames only.
///
/// Bounds: `Bounds.files` files of `Bounds.bytes` together, the oldest deleted first; none is written where less than
/// `Bounds.minFree` would stay free. At most `waiting` frames wait for the disk; one more is not kept, and counted.
public final class FrameFolder: Sendable {
    /// What the folder may hold.
    public struct Bounds: Sendable, Equatable {
        /// Files; 0 keeps none.
        public var files = 200
        /// Bytes of all files together.
        public var bytes: Int64 = 64 << 20
        /// Bytes that must stay free on the filesystem: `[spool] min_free`, since the spool is on the same one.
        public var minFree: Int64 = 256 << 20

        /// The defaults.
        public init() {}
    }

    /// How it does.
    public struct Status: Sendable, Equatable {
        /// Frames written since the start.
        public var kept = 0
        /// Frames not kept since the start: the disk was full or too slow.
        public var lost = 0
        /// Why the last frame was not kept; empty where it was.
        public var fault = ""
    }

    /// Frames that wait for the disk at most.
    public static let waiting = 4

    private struct Order {
        let name: String
        let jpeg: [UInt8]
    }

    private struct State {
        var bounds: Bounds
        var status = Status()
        var orders: [Order] = []
        var isWriting = false
    }

    private let path: String
    private let say: @Sendable (_ isWell: Bool, String) -> Void
    private let state: Mutex<State>

    /// A folder, made with the first frame; its parent must be there.
    ///
    /// - Parameter say: called with a sentence when frames can no longer be kept, and when they can again; once each. By
    ///   default it is logged.
    public init(
        _ path: String, bounds: Bounds = Bounds(), say: (@Sendable (_ isWell: Bool, String) -> Void)? = nil
    ) {
        self.path = path
        self.say = say ?? { $0 ? Log.notice($1) : Log.warning($1) }
        state = Mutex(State(bounds: bounds))
    }

    /// How it does.
    public var status: Status { state.withLock { $0.status } }

    /// The bounds that hold from the next frame on.
    public func use(_ bounds: Bounds) { state.withLock { $0.bounds = bounds } }

    /// Keeps a JPEG; returns at once.
    ///
    /// - Parameter wallMs: when the frame was taken, by the wall clock: its name, such as
    ///   `2026-03-01T08-15-59.123Z_belt-1.jpg`.
    public func keep(_ jpeg: [UInt8], of device: DeviceID, at wallMs: Int64) {
        let isFirst = state.withLock { state in
            guard state.bounds.files > 0 else { return false }
            guard state.orders.count < Self.waiting else {
                state.status.lost += 1
                return false
            }
            state.orders.append(Order(name: Self.name(device, wallMs), jpeg: jpeg))
            defer { state.isWriting = true }
            return !state.isWriting
        }
        // No thread stands by: a frame is rare, and nobody waits for it when the daemon stops.
        if isFirst { Threads.run(name: "frames") { [self] in writeAll() } }
    }

    private func writeAll() {
        while true {
            let next: (Order, Bounds)? = state.withLock { state in
                guard !state.orders.isEmpty else {
                    state.isWriting = false
                    return nil
                }
                return (state.orders.removeFirst(), state.bounds)
            }
            guard let (order, bounds) = next else { return }
            var fault = ""
            do throws(Fault) { try write(order, bounds) } catch { fault = error.text }
            let before = state.withLock { state in
                if fault.isEmpty { state.status.kept += 1 } else { state.status.lost += 1 }
                defer { state.status.fault = fault }
                return state.status.fault
            }
            if before.isEmpty && !fault.isEmpty { say(false, "frames are not kept: \(fault); scans go on") }
            if !before.isEmpty && fault.isEmpty { say(true, "frames are kept in \(path) again") }
        }
    }

    private struct Fault: Error {
        let text: String
        init(_ text: String) { self.text = text }
        init(_ error: SystemError) { text = error.description }
    }

    private func write(_ order: Order, _ bounds: Bounds) throws(Fault) {
        let size = Int64(order.jpeg.count)
        guard size <= bounds.bytes else {
            throw Fault("one has \(size) bytes; write [camera] max_frame_bytes higher")
        }
        let free: Int64
        do throws(SystemError) {
            try Files.makeDirectory(path, mode: 0o750)
            try makeRoom(for: size, bounds)
            free = try Files.freeBytes(path)
        } catch { throw Fault(error) }
        guard free - size >= bounds.minFree else {
            throw Fault(
                "the filesystem of \(path) has \(free) bytes free, [spool] min_free is \(bounds.minFree); free some space "
                    + "there")
        }
        do throws(SystemError) { try put(order) } catch { throw Fault(error) }
    }

    /// Deletes what a crash left half written, and the oldest frames until there is room for one more.
    private func makeRoom(for size: Int64, _ bounds: Bounds) throws(SystemError) {
        let names = Files.names(in: path)
        for name in names where name.hasSuffix(Self.unfinished) && Self.isFrame(name) { unlink(path + "/" + name) }
        var frames: [(path: String, size: Int64)] = []
        for name in names where !name.hasSuffix(Self.unfinished) && Self.isFrame(name) {
            guard let status = Files.status(path + "/" + name), !status.isDirectory else { continue }
            frames.append((path + "/" + name, status.size))
        }
        var total = frames.reduce(0) { $0 + $1.size }
        for index in frames.indices {
            guard frames.count - index >= bounds.files || total + size > bounds.bytes else { return }
            guard unlink(frames[index].path) == 0 || errno == ENOENT else {
                throw SystemError("delete", frames[index].path)
            }
            total -= frames[index].size
        }
    }

    /// Not synced: a frame is worth no wait of the disk that scans are committed to.
    private func put(_ order: Order) throws(SystemError) {
        var name = path + "/" + order.name
        // Two of one millisecond: the clock was set back.
        for number in 2...9 where Files.status(name) != nil {
            name = path + "/" + order.name.dropLast(Self.ending.count) + "_\(number)" + Self.ending
        }
        let temporary = name + Self.unfinished
        let file = try FileDescriptor.open(temporary, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW, mode: 0o600)
        do throws(SystemError) {
            // Whatever the umask: the group may look.
            guard fchmod(file.raw, 0o640) == 0 else { throw SystemError("set the mode of", temporary) }
            try file.write(order.jpeg, subject: temporary)
            guard rename(temporary, name) == 0 else { throw SystemError("rename to", name) }
        } catch {
            unlink(temporary)
            throw error
        }
    }

    private static let ending = ".jpg"
    private static let unfinished = ".part"

    /// In the order of time; no colons, which `scp` takes for a host's name.
    private static func name(_ device: DeviceID, _ wallMs: Int64) -> String {
        String(Timestamp.text(wallMs).map { $0 == ":" ? "-" : $0 }) + "_" + device.text + ending
    }

    /// Whether a file is one of ours: others in the folder are neither counted nor deleted.
    private static func isFrame(_ name: String) -> Bool {
        var time = Array(name.utf8.prefix(24))
        guard time.count == 24, name.contains(ending) else { return false }
        for place in [13, 16] where time[place] == UInt8(ascii: "-") { time[place] = UInt8(ascii: ":") }
        return Timestamp.parse(String(decoding: time, as: UTF8.self)) != nil
    }
}
