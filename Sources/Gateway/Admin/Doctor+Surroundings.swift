internal import Glibc
internal import Model
internal import Posix
internal import Scanners

extension Doctor {
    /// What the checks go by beside the configuration; tests bring their own.
    struct Surroundings: Sendable {
        /// The user that the daemon runs as, or will.
        var user: String
        /// Its number.
        var userNumber: uid_t
        /// The groups that the unit gives it, as far as they are there.
        var groups: [gid_t]
        /// The group of serial ports.
        var portGroup = "dialout"
        /// The group of cameras.
        var videoGroup = "video"
        /// Whether a daemon answers.
        var isRunning = false
        /// Whether the clock follows a time source.
        var isSynced = true
        /// Whether this process sees every file.
        var seesAll = true
        /// Scanners that are plugged in.
        var serialPorts: [String] = []
        /// Starts a decoder, and says what is wrong with it; nil where it works.
        var decoderFault: @Sendable () -> String? = { FileDecoder.fault() }
        /// Whether a program is installed.
        var isThere: @Sendable (String) -> Bool = { Files.status($0) != nil }

        /// This machine's.
        static func current(_ configuration: Configuration) -> Surroundings {
            // A daemon that runs is the best witness of who it runs as.
            let running = daemonUser(configuration.gateway.controlSocket)
            let owner = Files.status(configuration.gateway.stateDirectory)?.owner ?? 0
            let number = running ?? Users.user(named: "scangate") ?? owner
            let name = Users.name(number)
            let given = [configuration.gateway.adminGroup, "dialout", "video"].compactMap { Users.group(named: $0) }
            let own = Users.primaryGroup(of: number).map { Users.groups(of: number, primary: $0) } ?? []
            return Surroundings(
                user: name, userNumber: number, groups: own + given, isRunning: running != nil,
                isSynced: TimeSource.system.now().synced, seesAll: geteuid() == 0,
                serialPorts: Files.names(in: "/dev/serial/by-id").map { "/dev/serial/by-id/" + $0 })
        }

        private static func daemonUser(_ socket: String) -> uid_t? {
            do {
                let connection = try UnixSocket.connect(socket)
                return UnixSocket.peer(connection.raw)?.user
            } catch { return nil }
        }

        /// Whether the daemon has these rights (4 read, 2 write) to a file.
        func mayUse(_ file: Files.Status, _ rights: mode_t) -> Bool {
            if userNumber == 0 { return true }
            if file.owner == userNumber { return file.mode >> 6 & rights == rights }
            if groups.contains(file.group) { return file.mode >> 3 & rights == rights }
            return file.mode & rights == rights
        }
    }
}
