internal import Glibc
internal import Model
internal import Posix

/// Looks at the files that a configuration names.
struct ConfigurationFiles {
    /// What systemd calls the service's credentials; nil outside the service.
    let credentialsDirectory: String?
    /// False for a command of an admin who may not read the daemon's secrets, and need not.
    var looks = true

    enum Answer: Equatable {
        case good
        case wrong(problem: String, advice: String)
        /// A credential, which only the service can see.
        case unseen
    }

    // systemd mounts them read-only, for the service's user alone: systemd.exec(5), LoadCredential=.
    private static let credentials = "/run/credentials/"

    func check(_ path: String, secret: Bool) -> Answer {
        guard looks else { return .good }
        let isCredential = path.hasPrefix(ConfigurationFiles.credentials) && !path.contains("/../")
        let shown = Safe.text(path, limit: 1024)
        guard let status = Files.status(path) else {
            if isCredential && credentialsDirectory == nil { return .unseen }
            return .wrong(
                problem: "no such file, or not to be reached: \(shown)",
                advice: "write the path of a file that is there"
            )
        }
        guard !status.isDirectory else {
            return .wrong(problem: "a directory: \(shown)", advice: "write the path of a file")
        }
        guard canOpen(path) else {
            return .wrong(
                problem: "this user may not read \(shown)", advice: "run: chown \(Users.name(geteuid())) \(shown)")
        }
        guard status.size > 0 else { return .wrong(problem: "an empty file: \(shown)", advice: "fill it") }
        guard secret, !isCredential else { return .good }
        guard status.mode & 0o077 == 0 else {
            return .wrong(
                problem: "\(shown) can be used by others (mode \(String(status.mode, radix: 8)))",
                advice: "run: chmod 600 \(shown)")
        }
        // Root may be checking for the daemon's user, whose file it then is.
        guard geteuid() == 0 || status.owner == 0 || status.owner == geteuid() else {
            return .wrong(
                problem: "\(shown) belongs to \(Users.name(status.owner))",
                advice: "run: chown \(Users.name(geteuid())) \(shown)")
        }
        return .good
    }

    private func canOpen(_ path: String) -> Bool {
        do {
            _ = try FileDescriptor.open(path, O_RDONLY | O_NONBLOCK)
            return true
        } catch { return false }
    }

    func size(_ path: String) -> Int64? { looks ? Files.status(path)?.size : nil }
}
