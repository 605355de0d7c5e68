internal import Decoding
internal import FrameLink
internal import Glibc
internal import Imaging
internal import Model
internal import Posix
internal import Sandbox

/// What runs in a process of its own, `scangate decode-worker`: it reads the codes of a camera's frames, which come from
/// a hostile world through large libraries, and can do nothing else.
public enum DecodeWorker {
    /// The descriptors that it is given.
    private enum Given {
        static let socket: Int32 = 3
        static let memory: Int32 = 4
    }

    /// Bytes of address space beyond what is there at the start: two pictures of the largest size, and what zbar makes of
    /// them.
    private static let room: UInt64 = 512 << 20

    /// Loads everything, gives all rights away, says that it is ready, and serves until the daemon ends the talk. To be
    /// called on the process's only thread.
    ///
    /// - Parameter words: the symbologies by name, with commas between; then a text rule's name.
    public static func run(_ words: [String]) -> Int32 { run(words, trap: nil) }

    /// The same with a decoder that does what a test wants.
    static func run(_ words: [String], trap: ((CodeDecoder, LumaView) -> Void)?) -> Int32 {
        do {
            try OwnProgram.tieToParent()
            let memory = try FrameMemory(FileDescriptor(owning: Given.memory))
            let socket = MessageSocket(FileDescriptor(owning: Given.socket))
            let symbologies = Set(
                (words.first ?? "").split(separator: ",").compactMap { Symbology(rawValue: String($0)) })
            let charset = words.count > 1 ? Charset(rawValue: words[1]) : nil
            do {
                var reader = try FrameReader(
                    memory, symbologies: symbologies.isEmpty ? [.qr] : symbologies, charset: charset ?? .utf8,
                    trap: trap)
                if let fault = reader.warmUp() { throw Unfit(description: fault) }
                try shut()
                serve(socket, &reader)
            } catch {
                // The daemon says it, and tries again later.
                _ = socket.send(WorkerReport.unfit(String(describing: error)).message, waits: true)
            }
            // Not exit(3): what libraries do at the end is not allowed any more.
            _exit(0)
        } catch { return 1 }
    }

    private struct Unfit: Error, CustomStringConvertible {
        let description: String
    }

    private static func shut() throws {
        // The filter holds for this thread and those it starts: another one would be outside.
        guard Files.names(in: "/proc/self/task").count == 1 else {
            throw Unfit(description: "a library of the decoder has started a thread")
        }
        try OwnProgram.limit(.core, to: 0)
        try OwnProgram.limit(.fileSize, to: 0)
        try OwnProgram.limit(.processes, to: 0)
        let pages = Int(String(decoding: try Files.read("/proc/self/statm"), as: UTF8.self).prefix { $0 != " " }) ?? 0
        try OwnProgram.limit(.memory, to: UInt64(pages * sysconf(Int32(_SC_PAGESIZE))) + room)
        try OwnProgram.limit(.files, to: 0)
        try Sandbox.enter()
    }

    private static func serve(_ socket: MessageSocket, _ reader: inout FrameReader) {
        guard socket.send(WorkerReport.ready.message, waits: true) == .taken else { return }
        while case .message(let message) = socket.receive(atMost: WorkerOrder.limit, waits: true) {
            guard let order = WorkerOrder(message) else { return }
            let answer: [[UInt8]] =
                switch order {
                case .frame(let frame): WorkerReport.messages(reader.read(frame))
                case .kept: [WorkerReport.kept(reader.putKept()).message]
                }
            for message in answer where socket.send(message, waits: true) != .taken { return }
        }
    }
}
