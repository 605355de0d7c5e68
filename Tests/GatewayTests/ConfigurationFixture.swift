import Gateway
import Glibc
import Posix
import Testing

/// A directory with a configuration in it, gone with the value.
final class ConfigurationFixture: Sendable {
    let directory: String
    var file: String { directory + "/scangate.toml" }

    init() throws {
        var template = Array("/tmp/scangate-config-XXXXXX".utf8CString)
        try #require(mkdtemp(&template) != nil)
        directory = String(decoding: template.dropLast().map { UInt8(bitPattern: $0) }, as: UTF8.self)
    }

    deinit { remove(directory) }

    private func remove(_ path: String) {
        for name in Files.names(in: path) {
            let child = path + "/" + name
            if Files.status(child)?.isDirectory == true { remove(child) } else { unlink(child) }
        }
        rmdir(path)
    }

    /// Writes a file and returns its path.
    @discardableResult
    func write(_ name: String, _ text: String, mode: mode_t = 0o600) throws -> String {
        let path = directory + "/" + name
        try Files.replace(path, with: Array(text.utf8), mode: mode)
        chmod(path, mode)
        return path
    }

    /// Loads the text as the main file.
    func load(_ text: String) throws -> Configuration {
        try write("scangate.toml", text)
        return try Configuration.load(path: file)
    }

    /// The mistakes of the text as `LINE: key: problem; advice`, the directory left out.
    func mistakes(_ text: String) throws -> [String] {
        do {
            _ = try load(text)
            return []
        } catch let error as ConfigurationError {
            return error.mistakes.map { short($0.description) }
        }
    }

    /// A message without the directory's path and the main file's name.
    func short(_ text: String) -> String {
        var rest = text[...]
        var out = ""
        while let first = rest.first {
            if rest.hasPrefix(file + ":") {
                rest = rest.dropFirst(file.count + 1)
            } else if rest.hasPrefix(directory) {
                rest = rest.dropFirst(directory.count)
                out += "DIR"
            } else {
                out.append(first)
                rest = rest.dropFirst()
            }
        }
        return out
    }

    /// A `[[uplink]]` that has nothing wrong with it, with more lines behind it.
    func uplink(_ more: String = "", url: String = "https://tracetrack.example") throws -> String {
        let password = try write("password", "secret-password\n")
        return """
            [[uplink]]
            url = "\(url)"
            auth = { kind = "login", accounts = [{ username = "dock7", password_file = "\(password)" }] }
            \(more)
            """
    }
}
