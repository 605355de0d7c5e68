import FrameLink
import Glibc
import Model

@testable import DecodeWorker

/// A decode worker of whose decoders one ends at pictures of a test's: the program itself, in its sandbox, with its
/// libraries; only the mistake in one of them is ours.
///
/// A picture whose first pixel is `killer` ends it when the decoder looks whose number the second pixel is.
@main enum Main {
    static let killer: UInt8 = 0xDE

    static func main() {
        exit(
            DecodeWorker.run(Array(CommandLine.arguments.dropFirst(2))) { decoder, memory in
                for slot in 0..<FrameMemory.slots where memory.slot(slot)[0] == killer {
                    if memory.slot(slot)[1] == decoder.rawValue { abort() }
                }
            })
    }
}
