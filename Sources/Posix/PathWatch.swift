internal import Glibc

/// Tells when a path may have come, gone or changed its permissions (inotify(7)); no polling.
///
/// Watches the path's directory, or the nearest directory above that is there, and, after `watchNode`, the node itself
/// (so that the end of another program's hold is seen). Confined to its poll thread.
public final class PathWatch {
    private let path: String
    private let poll: PollThread
    private let inotify: FileDescriptor
    private var token: PollThread.Token?
    private var watched: [String: Int32] = [:]
    /// The entry of the watched directory that the path goes through: what happens to others there (a busy /dev) is
    /// read and forgotten.
    private var entry: [UInt8] = []

    /// Starts watching; `changed` is called on the poll thread when something has happened nearby. It has to ask
    /// `concernsPath`, which reads what it was, or it is called again at once.
    public init(_ path: String, on poll: PollThread, _ changed: @escaping @Sendable () -> Void) throws(SystemError) {
        self.path = path
        self.poll = poll
        let descriptor = inotify_init1(Int32(IN_NONBLOCK | IN_CLOEXEC))
        guard descriptor >= 0 else { throw SystemError("watch", path) }
        inotify = FileDescriptor(owning: descriptor)
        token = try poll.watch(descriptor, for: .readable, named: path) { _ in changed() }
        renew()
    }

    /// Looks again at which directories are there, and leaves the node alone; called after each change, before the
    /// path is tried. What has happened so far is forgotten: the caller's own opening and closing of the node must not
    /// wake the caller again.
    public func renew() {
        watch(node: false)
        // Removing a watch is an event too.
        _ = concernsPath()
    }

    /// Watches the node too; called after the path was tried in vain.
    public func watchNode() { watch(node: true) }

    private func watch(node: Bool) {
        var wanted: [String: UInt32] = [:]
        var directory = Files.parent(path)
        var child = path
        let entries = UInt32(IN_CREATE | IN_MOVED_TO | IN_ATTRIB | IN_DELETE_SELF | IN_MOVE_SELF)
        while Files.status(directory)?.isDirectory != true && directory != "/" && directory != "." {
            child = directory
            directory = Files.parent(directory)
        }
        entry = Array((child.split(separator: "/").last ?? "").utf8)
        wanted[directory] = entries
        if node && Files.status(path) != nil { wanted[path] = UInt32(IN_CLOSE_WRITE | IN_CLOSE_NOWRITE | IN_ATTRIB) }
        for (name, watch) in watched where wanted[name] == nil {
            inotify_rm_watch(inotify.raw, watch)
            watched[name] = nil
        }
        for (name, mask) in wanted {
            // Adding a watch that is there changes nothing; one on a node made anew gets a new number.
            let watch = inotify_add_watch(inotify.raw, name, mask)
            watched[name] = watch >= 0 ? watch : nil
        }
    }

    /// Ends the watch; on the poll thread, before the value goes.
    public func stop() {
        if let token { poll.unwatch(token) }
        token = nil
    }

    /// Reads the events that wait; whether one of them is about the path: about the entry that it goes through, or
    /// about a watched file or directory itself, whose events carry no name (inotify(7)).
    public func concernsPath() -> Bool {
        var buffer = [UInt8](repeating: 0, count: 4096)
        var concerns = false
        while case let count = read(inotify.raw, &buffer, buffer.count), count > 0 {
            var place = 0
            // A record is a watch, a mask, a cookie and a length of 32 bits each, then a name filled up with NULs.
            while place + 16 <= count {
                let length = buffer[(place + 12)..<(place + 16)].reversed().reduce(0) { $0 << 8 | Int($1) }
                let name = buffer[(place + 16)..<min(place + 16 + length, count)].prefix { $0 != 0 }
                if name.isEmpty || name.elementsEqual(entry) { concerns = true }
                place += 16 + length
            }
        }
        return concerns
    }
}
