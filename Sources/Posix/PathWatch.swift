internal import Glibc

/// Tells when a path may have come, gone or changed its permissions (inotify(7)); no polling.
///
/// Watches the path's directory, or the nearest directory above that is there, and the node itself while it cannot be
/// opened (so that the end of another program's hold is seen). Confined to its poll thread.
public final class PathWatch {
    private let path: String
    private let poll: PollThread
    private let inotify: FileDescriptor
    private var token: PollThread.Token?
    private var watched: [String: Int32] = [:]

    /// Starts watching; `changed` is called on the poll thread, perhaps more often than something happened.
    public init(_ path: String, on poll: PollThread, _ changed: @escaping @Sendable () -> Void) throws(SystemError) {
        self.path = path
        self.poll = poll
        let descriptor = inotify_init1(Int32(IN_NONBLOCK | IN_CLOEXEC))
        guard descriptor >= 0 else { throw SystemError("watch", path) }
        inotify = FileDescriptor(owning: descriptor)
        token = try poll.watch(descriptor, for: .readable, named: path) { _ in
            Self.drain(descriptor)
            changed()
        }
        renew()
    }

    /// Looks again at which directories are there; called after each change, before the path is tried.
    public func renew() {
        var wanted: [String: UInt32] = [:]
        var directory = Files.parent(path)
        let entries = UInt32(IN_CREATE | IN_MOVED_TO | IN_ATTRIB | IN_DELETE_SELF | IN_MOVE_SELF)
        while Files.status(directory)?.isDirectory != true && directory != "/" && directory != "." {
            directory = Files.parent(directory)
        }
        wanted[directory] = entries
        if Files.status(path) != nil { wanted[path] = UInt32(IN_CLOSE_WRITE | IN_CLOSE_NOWRITE | IN_ATTRIB) }
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

    private static func drain(_ descriptor: Int32) {
        var buffer = [UInt8](repeating: 0, count: 4096)
        while read(descriptor, &buffer, buffer.count) > 0 {}
    }
}
