import Glibc
import Posix
import Simulator
import TestSupport

/// A filesystem of a few MiB, mounted for a test.
func withSmallDisk(
    isolation: isolated (any Actor)? = #isolation, _ contract: SimulatorSettings.Contract? = nil,
    mebibytes: Int = 6, _ body: (GatewayBench, SmallDisk) async throws -> Void
) async throws {
    try await withBench(contract) { bench in
        try Files.makeDirectory(bench.stateDirectory)
        let path = bench.stateDirectory
        guard mount("tmpfs", path, "tmpfs", 0, "size=\(mebibytes)m,mode=700") == 0 else {
            throw SetupError("mount: \(String(cString: strerror(errno)))")
        }
        // Lazily: whoever still has a file open must not keep the directory from going.
        defer { umount2(path, 2) }
        try await body(bench, SmallDisk(path: path + "/filler"))
    }
}

/// What fills it.
struct SmallDisk {
    let path: String

    /// Writes until nothing is free.
    func fill() throws {
        let file = try FileDescriptor.open(path, O_WRONLY | O_CREAT | O_APPEND)
        let chunk = [UInt8](repeating: 1, count: 4096)
        while chunk.withUnsafeBytes({ Glibc.write(file.raw, $0.baseAddress, $0.count) }) > 0 {}
    }

    func free() { unlink(path) }
}

/// Whether this process may mount; as root in a container it may not.
let mayMount: Bool = {
    guard geteuid() == 0 else { return false }
    var template = Array("/tmp/scangate-mount-XXXXXX".utf8CString)
    guard mkdtemp(&template) != nil else { return false }
    let path = String(decoding: template.dropLast().map { UInt8(bitPattern: $0) }, as: UTF8.self)
    defer { rmdir(path) }
    guard mount("tmpfs", path, "tmpfs", 0, "size=64k") == 0 else { return false }
    return umount2(path, 2) == 0
}()
