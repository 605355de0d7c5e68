internal import Glibc

/// Tells when a path may have come, gone or changed its permissions (inotify(7)); no polling.
///
/// Watches the path's directory, or the nearest directory above that is there, and, after `watchNode`, the node itself
/// (so that the end of another program's hold is seen). Confined to its poll thread.
public final class PathWatch {
    private let path: String
    private let inotify: Inotify
    let changed: @Sendable () -> Void
    /// Whether something about the path has happened that was not asked for yet.
    private(set) var hasNews = false
    private var watched: [String: Int32] = [:]
    /// The entry of the watched directory that the path goes through: what happens to others there (a busy /dev) is
    /// read and forgotten.
    private var entry: [UInt8] = []

    /// Starts watching; `changed` is called on the poll thread when something has happened to the path. It has to ask
    /// `concernsPath`, or it is called again. On the poll thread; `stop` ends it.
    public init(_ path: String, on poll: PollThread, _ changed: @escaping @Sendable () -> Void) throws(SystemError) {
        self.path = path
        self.changed = changed
        inotify = try Inotify.shared(by: poll, for: path)
        inotify.join(self)
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
            inotify.remove(watch, for: self)
            watched[name] = nil
        }
        for (name, mask) in wanted {
            // Adding a watch that is there changes nothing. What was made anew or moved here has another number, and what was
            // there before may live on elsewhere.
            let watch = inotify.add(name, mask, for: self)
            if let old = watched[name], old != watch { inotify.remove(old, for: self) }
            watched[name] = watch
        }
    }

    /// Ends the watch; on the poll thread, before the value goes. `changed` is not called any more.
    public func stop() {
        inotify.leave(self)
        // Another's call may have ended this one while both were being told.
        hasNews = false
    }

    /// Reads the events that wait; whether one of them was about the path: about the entry that it goes through, or
    /// about a watched file or directory itself, whose events carry no name (inotify(7)).
    public func concernsPath() -> Bool {
        inotify.read(for: self)
        defer { hasNews = false }
        return hasNews
    }

    /// Takes an event of a watched file or directory, with the entry's name.
    func note(_ name: ArraySlice<UInt8>) {
        if name.isEmpty || name.elementsEqual(entry) { hasNews = true }
    }
}
