import FuzzTargets
import Glibc
import TestSupport
import Testing

/// Every input of the corpus, those that have once shown a mistake among them, through the reader that it is for: what
/// `make fuzz` begins with.
@Suite(.oneThread, .timeLimit(.minutes(4))) struct CorpusTests {
    private static let corpus = #filePath.split(separator: "/").dropLast(2).reduce("") { $0 + "/" + $1 } + "/corpus"

    @Test(arguments: FuzzTarget.all.map(\.name)) func `every input of the corpus is read`(name: String) throws {
        let target = try #require(FuzzTarget.all.first { $0.name == name })
        let files = Self.files(Self.corpus + "/" + name)
        try #require(!files.isEmpty, "no corpus for \(name)")
        for file in files {
            let bytes = try read(Self.corpus + "/\(name)/\(file)")
            do { try bytes.withUnsafeBytes { try target.run($0) } } catch { Issue.record("\(name)/\(file): \(error)") }
            // Cut off at any place, as connections and files are.
            for length in stride(from: 0, to: bytes.count, by: max(1, bytes.count / 16)) {
                do { try bytes[..<length].withUnsafeBytes { try target.run($0) } } catch {
                    Issue.record("\(name)/\(file), its first \(length) bytes: \(error)")
                }
            }
        }
    }

    @Test func `every folder of the corpus has its reader`() {
        #expect(Self.files(Self.corpus) == FuzzTarget.all.map(\.name).sorted())
    }

    private static func files(_ path: String) -> [String] {
        guard let directory = opendir(path) else { return [] }
        defer { closedir(directory) }
        var names: [String] = []
        while let entry = readdir(directory) {
            let name = withUnsafePointer(to: &entry.pointee.d_name) {
                $0.withMemoryRebound(to: CChar.self, capacity: 256) { String(cString: $0) }
            }
            if !name.hasPrefix(".") { names.append(name) }
        }
        return names.sorted()
    }
}
