internal import Glibc
public import JSON
internal import Model
internal import Posix
internal import Spool

/// `scangate doctor`: looks at what a daemon needs, and says for each fault the command that mends it.
///
/// The commands are for a root shell, and mend what they say when they are run as they are; a fault that only hands or
/// a backup can mend says so in its text.
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

        init(_ check: String, good text: String) { (self.check, isGood, self.text, mend) = (check, true, text, "") }

        init(_ check: String, fault text: String, mend: String) {
            (self.check, isGood, self.text, self.mend) = (check, false, text, mend)
        }
    }

    /// Looks at everything; changes nothing.
    ///
    /// - Parameter ask: asks the daemon for what a command gives; not called where none runs.
    public static func examine(
        _ configuration: Configuration, ask: (_ command: String) async throws(CommandError) -> JSONValue
    ) async -> [Finding] {
        let surroundings = Surroundings.current(configuration)
        let findings = examine(configuration, surroundings)
        // Carried out here the command would make a state directory, and take on the rights of its owner.
        guard surroundings.isRunning else { return findings + [unasked(configuration, surroundings)] }
        do throws(CommandError) {
            let devices = try await ask("device list")
            return findings + examine(devices: devices, surroundings) + examine(cameras: devices, surroundings)
                + examine(signals: try await ask("signal list"))
        } catch { return findings + [Finding("devices", fault: error.description, mend: "")] }
    }

    /// What is wrong with a configuration that cannot be used: a finding a mistake.
    public static func examine(_ error: ConfigurationError) -> [Finding] {
        error.mistakes.map { mistake in
            // Where the advice is a command it says so.
            let command = mistake.advice.hasPrefix("run: ") ? String(mistake.advice.dropFirst(5)) : nil
            return Finding(
                "configuration", fault: mistake.description,
                mend: command ?? "${EDITOR:-nano} +\(max(mistake.origin.line, 1)) \(quoted(mistake.origin.file))")
        }
    }

    static func examine(_ configuration: Configuration, _ surroundings: Surroundings) -> [Finding] {
        var findings = configurationFiles(configuration, surroundings)
        if configuration.groups.isEmpty, let file = configuration.files.first {
            findings.append(
                Finding(
                    "uplink", fault: "none is configured: scans are kept here and go nowhere",
                    mend: "${EDITOR:-nano} \(quoted(file)) && systemctl restart scangate"))
        }
        findings += stateFiles(configuration, surroundings)
        findings += secretFiles(configuration, surroundings)
        findings.append(disk(configuration))
        findings.append(clock(surroundings))
        findings.append(group(configuration, surroundings))
        findings += socket(configuration, surroundings)
        return findings
    }

    static func examine(devices: JSONValue, _ surroundings: Surroundings) -> [Finding] {
        let list = devices["devices"]?.array ?? []
        guard list.isEmpty else { return list.compactMap { self.port($0, surroundings) } }
        return [
            Finding(
                "devices", fault: "none is registered, so no port is read",
                mend: "scangate device add scanner-1 --port \(examplePort(surroundings))")
        ]
    }

    /// What can be said of the devices while no daemon runs.
    private static func unasked(_ configuration: Configuration, _ surroundings: Surroundings) -> Finding {
        let path = configuration.gateway.stateDirectory + "/identity.db"
        guard surroundings.seesAll, Files.status(path) == nil else {
            return Finding("devices", good: "not looked at: no daemon runs, and only it knows which ports it reads")
        }
        return Finding(
            "devices", fault: "\(path) is not there: no scanner was ever registered",
            mend: "systemctl start scangate && scangate device add scanner-1 --port \(examplePort(surroundings))")
    }

    private static func examplePort(_ surroundings: Surroundings) -> String {
        quoted(surroundings.serialPorts.first ?? "/dev/ttyACM0")
    }

    private static func disk(_ configuration: Configuration) -> Finding {
        let directory = configuration.gateway.stateDirectory
        guard let free = try? Files.freeBytes(directory) else {
            return Finding("disk", fault: "cannot look at the filesystem of \(directory)", mend: "")
        }
        let minFree = configuration.spool.minFree
        let text = "\(free >> 20) MiB free, min_free is \(minFree >> 20) MiB"
        let ballast = Ballast(directory: directory, minFree: minFree)
        let why: String
        if ballast.missing > 0 && free < ballast.wanted {
            why =
                "it was full, and the room that was kept for what waits is given up: scans are refused until "
                + "\((ballast.wanted >> 20) + 1) MiB are free"
        } else if free <= minFree {
            why = "below it scans are refused"
        } else {
            return Finding("disk", good: text)
        }
        return Finding(
            "disk", fault: "\(text); \(why). What else is large: du -xh / | sort -h | tail",
            mend: "journalctl --vacuum-size=100M && apt-get clean")
    }

    private static func clock(_ surroundings: Surroundings) -> Finding {
        guard !surroundings.isSynced else { return Finding("clock", good: "follows a time source") }
        let mend =
            if surroundings.isThere("/usr/sbin/chronyd") {
                "systemctl enable --now chrony && chronyc waitsync 30"
            } else if surroundings.isThere("/lib/systemd/systemd-timesyncd") {
                "timedatectl set-ntp true"
            } else {
                "apt-get install -y systemd-timesyncd && timedatectl set-ntp true"
            }
        return Finding(
            "clock", fault: "follows no time source; scans are marked unsynced, nothing is lost", mend: mend)
    }

    private static func group(_ configuration: Configuration, _ surroundings: Surroundings) -> Finding {
        let name = configuration.gateway.adminGroup
        guard Users.group(named: name) == nil else { return Finding("admin group", good: "\(name) is there") }
        return Finding(
            "admin group", fault: "there is no group \(name): only root can use the control socket",
            mend: "groupadd --system \(name) && usermod -aG \(name) \(surroundings.user) && systemctl restart scangate")
    }

    private static func socket(_ configuration: Configuration, _ surroundings: Surroundings) -> [Finding] {
        let (path, group) = (configuration.gateway.controlSocket, configuration.gateway.adminGroup)
        do { _ = try UnixSocket.connect(path) } catch  where error.code == EACCES {
            let user = Users.name(getuid())
            return [
                Finding(
                    "daemon", fault: "\(error.description); after the command \(user) has to log in again",
                    mend: "usermod -aG \(group) \(user)")
            ]
        } catch {
            return [
                Finding(
                    "daemon", fault: "\(error.description); its log: journalctl -u scangate",
                    mend: "systemctl enable --now scangate")
            ]
        }
        let running = Finding("daemon", good: "listens at \(path)")
        guard let status = Files.status(path), let number = Users.group(named: group) else { return [running] }
        let text = "\(path) mode \(octal(status.mode)), group \(Users.groupName(status.group))"
        guard status.group != number || status.mode & 0o777 != 0o660 else {
            return [running, Finding("control socket", good: text)]
        }
        return [
            running,
            Finding(
                "control socket", fault: "\(text): members of \(group) cannot use it",
                mend: "usermod -aG \(group) \(surroundings.user) && systemctl restart scangate"),
        ]
    }

    static func octal(_ mode: mode_t) -> String { String(mode, radix: 8) }

    /// A word for a shell.
    static func quoted(_ word: String) -> String {
        let plain = word.utf8.allSatisfy { byte in
            (48...57).contains(byte) || (65...90).contains(byte) || (97...122).contains(byte)
                || "/._-:+@".utf8.contains(byte)
        }
        return plain && !word.isEmpty
            ? word : "'" + word.split(separator: "'", omittingEmptySubsequences: false).joined(separator: "'\\''") + "'"
    }
}
