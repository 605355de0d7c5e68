internal import Glibc

/// libFuzzer's own start; this program has a `main` already, Swift's.
@_silgen_name("LLVMFuzzerRunDriver") private func runFuzzer(
    _ count: UnsafeMutablePointer<CInt>,
    _ arguments: UnsafeMutablePointer<UnsafeMutablePointer<UnsafeMutablePointer<CChar>?>>,
    _ one: @convention(c) (UnsafePointer<UInt8>?, Int) -> CInt
) -> CInt

/// `scangate-fuzz OPTIONS CORPUS...`, the options libFuzzer's; which parser gets the inputs is in
/// `$SCANGATE_FUZZ_TARGET`.
@main enum Main {
    static func main() {
        _ = FuzzTarget.chosen
        var (count, arguments) = (CommandLine.argc, CommandLine.unsafeArgv)
        exit(runFuzzer(&count, &arguments) { fuzzOne($0, $1) })
    }
}

/// One input. Also what libFuzzer's own `main`, which is linked and never called, asks for.
@_cdecl("LLVMFuzzerTestOneInput") public func fuzzOne(_ start: UnsafePointer<UInt8>?, _ count: Int) -> CInt {
    FuzzTarget.chosen.run(UnsafeRawBufferPointer(start: start, count: count))
    return 0
}

/// A parser of what strangers send.
struct FuzzTarget: Sendable {
    let name: String
    let run: @Sendable (UnsafeRawBufferPointer) -> Void

    static let all = [picture, frame, report]

    /// The one that the environment names.
    static let chosen: FuzzTarget = {
        let name = getenv("SCANGATE_FUZZ_TARGET").map { String(cString: $0) } ?? ""
        guard let target = all.first(where: { $0.name == name }) else {
            let sentence = "set SCANGATE_FUZZ_TARGET to one of: \(all.map(\.name).joined(separator: " "))\n"
            write(STDERR_FILENO, sentence, sentence.utf8.count)
            exit(2)
        }
        return target
    }()
}
