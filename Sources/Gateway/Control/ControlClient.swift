internal import Glibc
public import JSON
internal import Posix

/// The CLI's side of the control socket. Blocking; one request a connection.
public struct ControlClient: Sendable {
    private let path: String

    /// A client of the daemon that listens at `path`.
    public init(path: String) { self.path = path }

    /// Whether the daemon answers, or why not: nil means that none listens there.
    public func perform(_ request: ControlRequest) throws(CommandError) -> JSONValue? {
        guard let socket = try connect() else { return nil }
        do { try socket.write(request.encode(), subject: path) } catch { throw CommandError(error.description) }
        var reply: [UInt8] = []
        try read(socket) { reply += $0 }
        return try ControlReply.parse(reply)
    }

    /// Sends a request and gives each line of the reply to `line`, until the daemon ends or `line` returns false.
    ///
    /// - Returns: false where no daemon listens.
    public func stream(_ request: ControlRequest, line: (JSONValue) -> Bool) throws(CommandError) -> Bool {
        guard let socket = try connect() else { return false }
        do { try socket.write(request.encode(), subject: path) } catch { throw CommandError(error.description) }
        var rest: [UInt8] = []
        var buffer = [UInt8](repeating: 0, count: 65_536)
        while true {
            let count: Int
            do { count = try socket.read(into: &buffer, subject: path) ?? 0 } catch {
                throw CommandError(error.description)
            }
            guard count > 0 else { return true }
            rest += buffer[..<count]
            while let end = rest.firstIndex(of: 10) {
                let value = try ControlReply.parse(Array(rest[..<end]))
                rest.removeFirst(end + 1)
                guard line(value) else { return true }
            }
        }
    }

    private func connect() throws(CommandError) -> FileDescriptor? {
        do { return try UnixSocket.connect(path) } catch {
            switch error.code {
            case ENOENT, ECONNREFUSED: return nil
            case EACCES:
                throw CommandError(
                    error.description, hint: "run it as root, or as a member of the group that owns the socket")
            default: throw CommandError(error.description)
            }
        }
    }

    private func read(_ socket: borrowing FileDescriptor, _ take: ([UInt8]) -> Void) throws(CommandError) {
        var buffer = [UInt8](repeating: 0, count: 65_536)
        while true {
            do {
                guard let count = try socket.read(into: &buffer, subject: path), count > 0 else { return }
                take(Array(buffer[..<count]))
            } catch { throw CommandError(error.description) }
        }
    }
}
