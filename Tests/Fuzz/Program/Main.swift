internal import FuzzTargets
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
        _ = chosen
        var (count, arguments) = (CommandLine.argc, CommandLine.unsafeArgv)
        exit(runFuzzer(&count, &arguments) { fuzzOne($0, $1) })
    }

    /// The one that the environment names.
    static let chosen: FuzzTarget = {
        let name = getenv("SCANGATE_FUZZ_TARGET").map { String(cString: $0) } ?? ""
        guard let target = FuzzTarget.all.first(where: { $0.name == name }) else {
            let sentence = "set SCANGATE_FUZZ_TARGET to one of: \(FuzzTarget.all.map(\.name).joined(separator: " "))\n"
            write(STDERR_FILENO, sentence, sentence.utf8.count)
            exit(2)
        }
        return target
    }()
}

/// One input. Also what libFuzzer's own `main`, which is linked and never called, asks for.
@_cdecl("LLVMFuzzerTestOneInput") public func fuzzOne(_ start: UnsafePointer<UInt8>?, _ count: Int) -> CInt {
    do {
        try Main.chosen.run(UnsafeRawBufferPointer(start: start, count: count))
    } catch {
        // What libFuzzer takes for a finding, with the input that leads to it.
        fatalError("\(Main.chosen.name): \(error)")
    }
    return 0
}
