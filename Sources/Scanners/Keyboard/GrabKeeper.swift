public import Posix

/// A keyboard that was grabbed before this opening, perhaps by another process.
public struct KeptGrab: ~Copyable, Sendable {
    /// A duplicate of the grabbed descriptor, with the events that wait in it.
    public let file: FileDescriptor
    /// Whether whoever read it last stopped between two scans: what waits begins with a scan's first key.
    public let isAtRest: Bool

    /// A grab.
    public init(file: consuming FileDescriptor, isAtRest: Bool) {
        self.file = file
        self.isAtRest = isAtRest
    }
}

/// Keeps keyboards grabbed while nobody reads them: between two openings, and from one process to the next. Any thread.
public protocol GrabKeeper: Sendable {
    /// The grab of the node that is at a path now, or nil. It stays kept, and counts as read.
    func take(_ path: String) -> KeptGrab?
    /// Keeps a grab, which is being read.
    func keep(_ descriptor: Int32) throws(SystemError)
    /// The reader stops between two scans.
    func rest(_ descriptor: Int32)
    /// The device is gone, or to be given back: nothing is kept of it.
    func forget(_ descriptor: Int32)
}

/// Keeps them in the service manager's store: a keyboard's keys reach nobody else while the daemon is restarted, and a
/// label that is scanned meanwhile is read by the next one.
public final class KeptGrabs: GrabKeeper {
    private let store: DescriptorStore
    private static let prefix = "keyboard-"
    private static let resting = "-rest"

    /// Keeps in this store; other files in it are left alone.
    public init(_ store: DescriptorStore) { self.store = store }

    /// See `GrabKeeper`. A node's number may have gone to another device since: a grab whose device is gone, or that is
    /// another's, is thrown away.
    public func take(_ path: String) -> KeptGrab? {
        guard let number = InputDevice.number(path) else { return nil }
        let name = Self.name(number)
        for (held, isAtRest) in [(name + Self.resting, true), (name, false)] {
            guard let file = store.file(held) else { continue }
            guard InputDevice.number(file.raw) == number, (try? InputDevice.identity(file.raw, path)) != nil else {
                store.remove(held)
                continue
            }
            if isAtRest { store.rename(held, to: name) }
            return KeptGrab(file: file, isAtRest: isAtRest)
        }
        return nil
    }

    /// See `GrabKeeper`.
    public func keep(_ descriptor: Int32) throws(SystemError) {
        guard let number = InputDevice.number(descriptor) else { return }
        store.remove(Self.name(number) + Self.resting)
        try store.store(descriptor, as: Self.name(number))
    }

    /// See `GrabKeeper`.
    public func rest(_ descriptor: Int32) {
        guard let number = InputDevice.number(descriptor) else { return }
        store.rename(Self.name(number), to: Self.name(number) + Self.resting)
    }

    /// See `GrabKeeper`.
    public func forget(_ descriptor: Int32) {
        guard let number = InputDevice.number(descriptor) else { return }
        for name in [Self.name(number), Self.name(number) + Self.resting] { store.remove(name) }
    }

    /// Gives every keyboard back whose path is not among these: once all that are wanted have been opened.
    public func releaseAll(but paths: [String]) {
        let wanted = Set(paths.compactMap { InputDevice.number($0).map(Self.name) })
        for name in store.names where name.hasPrefix(Self.prefix) {
            let node = name.hasSuffix(Self.resting) ? String(name.dropLast(Self.resting.count)) : name
            if !wanted.contains(node) { store.remove(name) }
        }
    }

    private static func name(_ number: UInt64) -> String { prefix + String(number) }
}
