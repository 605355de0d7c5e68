import Glibc
import Imaging
import Model

@testable import DecodeWorker

/// A decode worker of whose decoders one ends at pictures of a test's: the program itself, in its sandbox, with its
/// libraries; only the mistake in one of them is ours.
///
/// A picture whose first pixel is `killer` ends it when a decoder looks whose number is in the second pixel: 3 has both.
@main enum Main {
    static let killer: UInt8 = 0xDE

    static func main() {
        exit(
            DecodeWorker.run(Array(CommandLine.arguments.dropFirst(2))) { decoder, picture in
                if picture[0, 0] == killer, picture[1, 0] & decoder.rawValue != 0 { abort() }
            })
    }
}
