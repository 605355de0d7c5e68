internal import Posix
internal import TOML

extension Configuration {
    /// Where the daemon of a configuration listens, as far as that can be read from files with mistakes in them: what
    /// a command needs to reach a daemon that is well and runs by an older state of those files.
    ///
    /// The last `[gateway] control_socket` wins, as everywhere; files that cannot be read or parsed are passed over.
    ///
    /// - Returns: nil where none is named in a file of a place of its own that cannot be read whole: the standard
    ///   socket might be another gateway's.
    static func controlSocket(at path: String) -> String? {
        let directory = dropInDirectory(of: path)
        let dropIns = Files.names(in: directory).filter { $0.hasSuffix(".toml") && !$0.hasPrefix(".") }
        var named: String?
        var isWhole = true
        for file in [path] + dropIns.map({ directory + "/" + $0 }) {
            guard let bytes = try? Files.read(file, limit: TOMLValue.maxBytes), let root = try? TOMLValue.parse(bytes)
            else {
                isWhole = false
                continue
            }
            guard case .string(let text)? = root["gateway"]?.value["control_socket"]?.value.kind else { continue }
            // What is no path of a socket is one of the mistakes.
            if text.hasPrefix("/"), text.utf8.count <= 107 { named = text }
        }
        if let named { return named }
        return isWhole || path == standardPath ? GatewaySettings().controlSocket : nil
    }
}
