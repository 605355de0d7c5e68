internal import FrameLink
public import Model
internal import Posix

/// A decode worker that runs.
protocol DecoderProcess: AnyObject {
    /// Kills it if need be, and waits for its end: how it ended. Once.
    func end() -> String
}

/// What starts decode workers. Any thread.
public struct DecoderProgram: Sendable {
    /// Starts one, with the worker's end of the talk and the memory.
    let start: @Sendable (_ socket: Int32, _ memory: Int32) throws(SystemError) -> any DecoderProcess

    init(_ start: @escaping @Sendable (_ socket: Int32, _ memory: Int32) throws(SystemError) -> any DecoderProcess) {
        self.start = start
    }

    /// `decode-worker` of a program, as a rule of this one.
    public static func program(
        _ path: String = "/proc/self/exe", symbologies: Set<Symbology> = [.qr],
        charset: Charset = .utf8
    ) -> DecoderProgram {
        let words = ["decode-worker", symbologies.map(\.rawValue).sorted().joined(separator: ","), charset.rawValue]
        return DecoderProgram { (socket, memory) throws(SystemError) in
            try OwnProgram(path, words, descriptors: [socket, memory])
        }
    }
}

extension OwnProgram: DecoderProcess {}
