internal import Glibc
internal import Identity
public import JSON
internal import Model
internal import Posix
internal import Scanners
internal import Spool

/// `scangate doctor`: looks at what a daemon needs, and says for each fault the command that mends it.
public enum Doctor {
    /// One thing looked at.
    public struct Finding: Sendable, Equatable {
        /// What was looked at: `state directory`.
        public let check: String
        /// Whether it is as it should be.
        public let isGood: Bool
        /// What was found.
        public let text: String
        /// The command that mends it, or empty.
        public let mend: String
    }

    /// Looks at everything; changes nothing. `devices` as `device list` gives them, nil where that failed.
    public static func examine(_ configuration: Configuration, devices: JSONValue?, deviceFault: String) -> [Finding] {
        var findings: [Finding] = []
        findings += files(configuration)
        findings.append(disk(configuration))
        findings.append(clock())
        findings.append(group(configuration))
        findings.append(socket(configuration))
        if let list = devices?["devices"]?.array {
            findings += list.compactMap(port)
            if list.isEmpty {
                findings.append(
                    Finding(
                        check: "devices", isGood: false, text: "none is registered, so no port is read",
                        mend: "scangate device add scanner-1 --port /dev/serial/by-id/…"))
            }
        } else {
            findings.append(Finding(check: "devices", isGood: false, text: deviceFault, mend: ""))
        }
        return findings
    }

    private static func files(_ configuration: Configuration) -> [Finding] {
        let directory = configuration.gateway.stateDirectory
        guard let status = Files.status(directory) else {
            return [
                Finding(
                    check: "state directory", isGood: false, text: "\(directory) is not there",
                    mend: "install -d -m 750 -o scangate -g scangate \(directory)")
            ]
        }
        var findings: [Finding] = []
        let isClosed = status.mode & 0o022 == 0
        findings.append(
            Finding(
                check: "state directory", isGood: isClosed,
                text: "\(directory) mode \(String(status.mode, radix: 8)), owner \(Users.name(status.owner))",
                mend: isClosed ? "" : "chmod 750 \(directory)"))
        var secrets = ["identity.db", "spool.db"].map { "\(directory)/\($0)" }
        secrets.append(configuration.keys.sealingKeyFile ?? "\(directory)/sealing-key")
        for path in secrets {
            guard let file = Files.status(path) else { continue }
            let isPrivate = file.mode & 0o077 == 0 || path.hasPrefix("/run/credentials/")
            let isOwn = file.owner == status.owner || file.owner == 0
            findings.append(
                Finding(
                    check: "secret file", isGood: isPrivate && isOwn,
                    text: "\(path) mode \(String(file.mode, radix: 8)), owner \(Users.name(file.owner))",
                    mend: !isPrivate
                        ? "chmod 600 \(path)" : isOwn ? "" : "chown \(Users.name(status.owner)) \(path)"))
        }
        return findings
    }

    private static func disk(_ configuration: Configuration) -> Finding {
        let directory = configuration.gateway.stateDirectory
        guard let free = try? Files.freeBytes(directory) else {
            return Finding(
                check: "disk", isGood: false, text: "cannot look at the filesystem of \(directory)", mend: "")
        }
        let isGood = free > configuration.spool.minFree
        return Finding(
            check: "disk", isGood: isGood,
            text: "\(free >> 20) MiB free, min_free is \(configuration.spool.minFree >> 20) MiB",
            mend: isGood ? "" : "free room on that filesystem: du -xsh \(directory) /var/log /var/cache")
    }

    private static func clock() -> Finding {
        let isSynced = TimeSource.system.now().synced
        return Finding(
            check: "clock", isGood: isSynced,
            text: isSynced
                ? "follows a time source" : "follows no time source; scans are marked unsynced, nothing is lost",
            mend: isSynced ? "" : "timedatectl set-ntp true")
    }

    private static func group(_ configuration: Configuration) -> Finding {
        let name = configuration.gateway.adminGroup
        let isThere = Users.group(named: name) != nil
        return Finding(
            check: "admin group", isGood: isThere,
            text: isThere ? "\(name) is there" : "there is no group \(name): only root can use the control socket",
            mend: isThere ? "" : "groupadd --system \(name)")
    }

    private static func socket(_ configuration: Configuration) -> Finding {
        let path = configuration.gateway.controlSocket
        do {
            _ = try UnixSocket.connect(path)
            return Finding(check: "daemon", isGood: true, text: "listens at \(path)", mend: "")
        } catch {
            return Finding(
                check: "daemon", isGood: false, text: error.description,
                mend: error.code == EACCES
                    ? "usermod -aG \(configuration.gateway.adminGroup) \(Users.name(getuid()))"
                    : "systemctl start scangate; journalctl -u scangate")
        }
    }

    private static func port(_ device: JSONValue) -> Finding? {
        guard let name = device["name"]?.string, let path = device["port"]?.string, !path.isEmpty,
            device["state"]?.string != "disabled"
        else { return nil }
        let check = "port of \(name)"
        guard let status = Files.status(path) else {
            return Finding(
                check: check, isGood: false, text: "\(path) is not there: unplugged, or plugged in elsewhere",
                mend: "ls -l /dev/serial/by-id /dev/ttyACM* /dev/ttyUSB*")
        }
        if device["connected"]?.bool == true {
            return Finding(check: check, isGood: true, text: "\(path) is read", mend: "")
        }
        let group = "dialout"
        let isForGroup = status.group == Users.group(named: group) && status.mode & 0o060 == 0o060
        return Finding(
            check: check, isGood: isForGroup, text: device["fault"]?.string.flatMap { $0.isEmpty ? nil : $0 } ?? path,
            mend: isForGroup
                ? "" : "usermod -aG \(Users.groupName(status.group)) scangate && systemctl restart scangate")
    }
}
