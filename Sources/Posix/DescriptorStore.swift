internal import CLinux
internal import Glibc
internal import Synchronization

/// Open files that outlive this process: the service manager keeps them (`FileDescriptorStoreMax=`, systemd.service(5))
/// and hands them to the next one (sd_listen_fds_with_names(3)). Any thread.
///
/// Each is held here too, as a duplicate, whether or not a service manager holds it: a file that is closed and wanted
/// again finds itself, instead of being in its own way. At most `limit` at a time.
public final class DescriptorStore: Sendable {
    /// How many are held; as many as the unit's `FileDescriptorStoreMax=` should say.
    public static let limit = 64

    // A dictionary cannot own files; the descriptors are closed by hand.
    private let files = Mutex<[String: Int32]>([:])

    /// Holds nothing yet.
    public init() {}

    deinit { files.withLock { for file in $0.values { close(file) } } }

    /// What the service manager kept for this process; once, at its start, before anything else opens files. The
    /// environment forgets them, so that no child takes them for its own.
    public static func inherited() -> DescriptorStore { inherited(from: 3) }

    static func inherited(from first: Int32) -> DescriptorStore {
        let store = DescriptorStore()
        defer { for name in ["LISTEN_FDS", "LISTEN_PID", "LISTEN_FDNAMES"] { unsetenv(name) } }
        func number(_ name: String) -> Int32? { getenv(name).flatMap { Int32(String(cString: $0)) } }
        guard number("LISTEN_PID") == getpid(), let count = number("LISTEN_FDS"), (1...1024).contains(count) else {
            return store
        }
        let text = getenv("LISTEN_FDNAMES").map { String(cString: $0) } ?? ""
        let names = text.split(separator: ":", omittingEmptySubsequences: false)
        store.files.withLock { files in
            for index in 0..<Int(count) {
                let descriptor = first + Int32(index)
                guard fcntl(descriptor, F_SETFD, FD_CLOEXEC) == 0 else { continue }
                let name = index < names.count ? String(names[index]) : ""
                // Of two with one name, or beyond the bound, the later is nobody's.
                if files[name] == nil, files.count < limit { files[name] = descriptor } else { close(descriptor) }
            }
        }
        return store
    }

    /// The names that are held.
    public var names: [String] { files.withLock { $0.keys.sorted() } }

    /// Holds a duplicate of an open file under a name, in place of one that has the name, and asks the service manager to
    /// do the same.
    ///
    /// - Parameter name: at most 255 characters, none of them a colon or a control character.
    /// - Returns: whether the service manager was asked; it does not answer.
    @discardableResult public func store(_ descriptor: Int32, as name: String) throws(SystemError) -> Bool {
        let duplicate = scangate_duplicate(descriptor)
        guard duplicate >= 0 else { throw SystemError("duplicate", name) }
        // The messages go out under the lock: the manager has to see them in the order of what they tell of.
        let isAsked = files.withLock { files -> Bool? in
            guard files[name] != nil || files.count < Self.limit else { return nil }
            if let replaced = files.updateValue(duplicate, forKey: name) {
                close(replaced)
                Self.tellRemoved(name)
            }
            return Self.tellStored(duplicate, name)
        }
        guard let isAsked else {
            close(duplicate)
            throw SystemError("keep", name, code: ENOSPC)
        }
        return isAsked
    }

    /// A duplicate of what is held under a name; it stays held.
    public func file(_ name: String) -> FileDescriptor? {
        files.withLock { files in
            guard let held = files[name] else { return nil }
            let duplicate = scangate_duplicate(held)
            return duplicate >= 0 ? FileDescriptor(owning: duplicate) : nil
        }
    }

    /// Gives another name to what is held, here and at the service manager. It is held by this process meanwhile.
    public func rename(_ name: String, to new: String) {
        files.withLock { files in
            guard name != new, let held = files.removeValue(forKey: name) else { return }
            if let other = files.updateValue(held, forKey: new) {
                close(other)
                Self.tellRemoved(new)
            }
            // In this order: the manager does not take a file that it has under another name.
            Self.tellRemoved(name)
            _ = Self.tellStored(held, new)
        }
    }

    /// Lets go of a file, here and at the service manager.
    public func remove(_ name: String) {
        files.withLock { files in
            guard let held = files.removeValue(forKey: name) else { return }
            close(held)
            Self.tellRemoved(name)
        }
    }

    private static func tellStored(_ descriptor: Int32, _ name: String) -> Bool {
        ServiceManager.send(["FDSTORE=1", "FDNAME=\(name)"], with: descriptor)
    }

    private static func tellRemoved(_ name: String) {
        _ = ServiceManager.send(["FDSTOREREMOVE=1", "FDNAME=\(name)"], with: nil)
    }
}
