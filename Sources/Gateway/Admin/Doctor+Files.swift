internal import Glibc
internal import Posix
internal import Uplinks

extension Doctor {
    /// The configuration: the daemon reads it, nobody but root and the daemon writes it.
    static func configurationFiles(_ configuration: Configuration, _ surroundings: Surroundings) -> [Finding] {
        configuration.files.compactMap { path in
            guard let file = Files.status(path) else { return nil }
            let text = describe(path, file)
            let group = configuration.gateway.adminGroup
            let mend = "chown root:\(group) \(quoted(path)) && chmod 640 \(quoted(path))"
            if file.mode & 0o022 != 0 {
                return Finding("configuration", fault: text + ": others can change it", mend: mend)
            }
            guard surroundings.mayUse(file, 4) else {
                return Finding("configuration", fault: text + ": the daemon cannot read it", mend: mend)
            }
            return Finding("configuration", good: text)
        }
    }

    static func stateFiles(_ configuration: Configuration, _ surroundings: Surroundings) -> [Finding] {
        let (directory, user) = (configuration.gateway.stateDirectory, surroundings.user)
        guard let status = Files.status(directory) else {
            return [
                Finding(
                    "state directory", fault: "\(directory) is not there",
                    mend: "install -d -m 750 -o \(user) -g \(user) \(quoted(directory))")
            ]
        }
        let text = describe(directory, status)
        guard status.owner == surroundings.userNumber else {
            return [
                Finding(
                    "state directory", fault: "\(text): the daemon is \(user)",
                    mend: "chown -R \(user): \(quoted(directory))")
            ]
        }
        guard status.mode & 0o022 == 0, status.mode & 0o700 == 0o700 else {
            return [
                Finding(
                    "state directory", fault: "\(text): it has to be the daemon's alone",
                    mend: "chmod 750 \(quoted(directory))")
            ]
        }
        return [Finding("state directory", good: text)]
            + ["identity.db", "spool.db", "spool.db-wal", "sealing-key"].compactMap {
                secretFile("\(directory)/\($0)", surroundings)
            }
    }

    /// The sealing key, passwords, tokens and private keys that the configuration names.
    static func secretFiles(_ configuration: Configuration, _ surroundings: Surroundings) -> [Finding] {
        var paths: [String] = []
        for uplink in configuration.uplinks {
            switch uplink.authentication {
            case .login(let accounts): paths += accounts.map(\.passwordFile)
            case .signature(let file), .bearer(let file): paths.append(file)
            case .password(_, let file): paths.append(file)
            case .mutualTLS: break
            }
            if let file = uplink.mqtt.ackKeyFile { paths.append(file) }
            if let file = uplink.tls.keyFile { paths.append(file) }
        }
        let sealing = configuration.keys.sealingKeyFile
        if let sealing, !isCredential(sealing) { paths.append(sealing) }
        var findings = paths.filter { !isCredential($0) }.compactMap { secretFile($0, surroundings) }
        if let sealing, isCredential(sealing) { findings += sealingCredential(sealing, configuration, surroundings) }
        if !surroundings.seesAll {
            findings.append(Finding("secret file", good: "only root can look at all of them: sudo scangate doctor"))
        }
        return findings
    }

    private static func secretFile(_ path: String, _ surroundings: Surroundings) -> Finding? {
        guard let file = Files.status(path) else { return nil }
        let text = describe(path, file)
        let isOwn = file.owner == surroundings.userNumber || surroundings.userNumber == 0
        guard !isOwn || file.mode & 0o077 != 0 || file.mode & 0o400 == 0 else {
            return Finding("secret file", good: text)
        }
        let chown = "chown \(surroundings.user): \(quoted(path))"
        let chmod = "chmod 600 \(quoted(path))"
        return Finding(
            "secret file", fault: text + (isOwn ? ": for the daemon alone" : ": the daemon is \(surroundings.user)"),
            mend: isOwn ? chmod : "\(chown) && \(chmod)")
    }

    private static func isCredential(_ path: String) -> Bool { path.hasPrefix("/run/credentials/") }

    /// A credential is there only while the service runs; what the unit makes it of has to be there always.
    private static func sealingCredential(
        _ path: String, _ configuration: Configuration, _ surroundings: Surroundings
    ) -> [Finding] {
        guard !surroundings.isRunning, let file = configuration.files.first else { return [] }
        let source = "\(Files.parent(file))/sealing-key"
        if [source, source + ".cred"].contains(where: { Files.status($0) != nil }) {
            return [Finding("sealing key", good: "\(path) is made of \(source) when the daemon starts")]
        }
        if Files.status("\(configuration.gateway.stateDirectory)/identity.db") != nil {
            return [
                Finding(
                    "sealing key",
                    fault: "\(source) is not there, and another key opens no device key: put it back from your backup",
                    mend: "")
            ]
        }
        return [
            Finding(
                "sealing key", fault: "\(source) is not there",
                mend: "(umask 377 && head -c 32 /dev/urandom > \(quoted(source)))")
        ]
    }

    private static func describe(_ path: String, _ file: Files.Status) -> String {
        "\(path) mode \(octal(file.mode)), owner \(Users.name(file.owner)), group \(Users.groupName(file.group))"
    }
}
