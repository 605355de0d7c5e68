internal import Glibc

/// The inotify instance that all path watches of a poll thread share.
///
/// A user may have 128 of them (inotify(7), `max_user_instances`), whatever program has them: with one for each scanner a
/// gateway would end there, and so would whoever else runs as its user. Confined to its poll thread.
final class Inotify: @unchecked Sendable {
    // @unchecked: everything here is touched on the poll thread only.
    private unowned let poll: PollThread
    private let descriptor: FileDescriptor
    private var token: PollThread.Token?
    private var isDispatchDue = false
    private var paths: [ObjectIdentifier: PathWatch] = [:]
    /// By the kernel's number of a watched file: who watches it, for which events. The same file has one number.
    private var watches: [Int32: [ObjectIdentifier: UInt32]] = [:]

    /// The thread's instance, made where there is none.
    ///
    /// - Parameter path: the watched path, which an error names.
    static func shared(by poll: PollThread, for path: String) throws(SystemError) -> Inotify {
        if let there = poll.inotify { return there }
        let made = try Inotify(poll, path)
        poll.inotify = made
        return made
    }

    private init(_ poll: PollThread, _ path: String) throws(SystemError) {
        self.poll = poll
        let raw = inotify_init1(Int32(IN_NONBLOCK | IN_CLOEXEC))
        guard raw >= 0 else { throw SystemError("watch", path) }
        descriptor = FileDescriptor(owning: raw)
        token = try poll.watch(raw, for: .readable, named: path) { [unowned self] _ in
            drain()
            dispatch()
        }
    }

    /// Takes part; `leave` ends it.
    func join(_ path: PathWatch) { paths[ObjectIdentifier(path)] = path }

    /// Forgets a path watch; the last one ends the instance.
    func leave(_ path: PathWatch) {
        for watch in watches.keys { remove(watch, for: path) }
        paths[ObjectIdentifier(path)] = nil
        guard paths.isEmpty, let token else { return }
        poll.unwatch(token)
        self.token = nil
        poll.inotify = nil
    }

    /// Watches a file for one of the path watches: the kernel's number of it; nil where it cannot be watched.
    func add(_ file: String, _ events: UInt32, for path: PathWatch) -> Int32? {
        // What others watch the same file for stays.
        let watch = inotify_add_watch(descriptor.raw, file, events | UInt32(IN_MASK_ADD))
        guard watch >= 0 else { return nil }
        watches[watch, default: [:]][ObjectIdentifier(path)] = events
        return watch
    }

    /// Ends a path watch's interest in a file.
    func remove(_ watch: Int32, for path: PathWatch) {
        watches[watch]?[ObjectIdentifier(path)] = nil
        guard watches[watch]?.isEmpty == true else { return }
        watches[watch] = nil
        inotify_rm_watch(descriptor.raw, watch)
    }

    /// Reads the events that wait, for one who asks; others whom they concern are called from the thread's loop, never
    /// from within another's call.
    func read(for asker: PathWatch) {
        drain()
        guard !isDispatchDue, paths.values.contains(where: { $0 !== asker && $0.hasNews }) else { return }
        isDispatchDue = true
        _ = poll.after(.zero) { [weak self] in self?.dispatch() }
    }

    private func drain() {
        var buffer = [UInt8](repeating: 0, count: 4096)
        while case let count = Glibc.read(descriptor.raw, &buffer, buffer.count), count > 0 {
            var place = 0
            // A record is a watch, a mask, a cookie and a length of 32 bits each, then a name filled up with NULs.
            while place + 16 <= count {
                func word(_ offset: Int) -> UInt32 {
                    buffer[(place + offset)..<(place + offset + 4)].reversed().reduce(0) { $0 << 8 | UInt32($1) }
                }
                let length = Int(word(12))
                let name = buffer[(place + 16)..<min(place + 16 + length, count)].prefix { $0 != 0 }
                tell(Int32(bitPattern: word(0)), mask: word(4), name)
                place += 16 + length
            }
        }
    }

    private func tell(_ watch: Int32, mask: UInt32, _ name: ArraySlice<UInt8>) {
        // Events were lost: anything may have happened.
        guard mask & UInt32(IN_Q_OVERFLOW) == 0 else { return paths.values.forEach { $0.note([]) } }
        guard let watching = watches[watch] else { return }
        for (id, wanted) in watching where mask & (wanted | UInt32(IN_IGNORED)) != 0 { paths[id]?.note(name) }
        if mask & UInt32(IN_IGNORED) != 0 { watches[watch] = nil }
    }

    private func dispatch() {
        isDispatchDue = false
        for path in paths.values where path.hasNews { path.changed() }
    }
}
