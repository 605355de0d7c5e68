internal import Glibc
internal import Posix

/// The daemon's side of the control socket: takes a line, has it performed, writes a line.
///
/// An actor on the poll thread. Bounds: 32 connections, 64 KiB a request, 1 MiB that a watcher has not taken yet; a
/// connection beyond one of them is closed. And 64 MiB of replies that others have not taken: beyond that a reply of more
/// than 64 KiB is a failure that says so, while smaller ones always go, so that nobody who does not read keeps others from
/// the daemon.
actor ControlServer {
    private let poll: PollThread
    private let path: String
    private let adminGroup: String
    private let administrator: Administrator
    private var listener: FileDescriptor?
    private var listening: PollThread.Token?
    private var connections: [Int: Connection] = [:]
    private var lastNumber = 0
    private static let mostUntaken = 64 << 20
    private static let small = 1 << 16

    nonisolated var unownedExecutor: UnownedSerialExecutor { poll.asUnownedSerialExecutor() }

    private final class Connection {
        let socket: FileDescriptor
        let requester: Requester
        let mayAsk: Bool
        var token: PollThread.Token?
        var input: [UInt8] = []
        var output = SendBuffer()
        var isEnding = false
        var work: Task<Void, Never>?

        init(_ socket: consuming FileDescriptor, _ requester: Requester, mayAsk: Bool) {
            self.socket = socket
            self.requester = requester
            self.mayAsk = mayAsk
        }
    }

    init(poll: PollThread, path: String, adminGroup: String, administrator: Administrator) {
        self.poll = poll
        self.path = path
        self.adminGroup = adminGroup
        self.administrator = administrator
    }

    /// Begins to listen.
    func start() throws(SystemError) {
        let group = Users.group(named: adminGroup)
        if group == nil {
            Log.warning(
                "there is no group \(adminGroup): only root and the daemon's own user can use the control socket; "
                    + "make it with: groupadd --system \(adminGroup)")
        }
        let socket = try UnixSocket.listen(path, group: group)
        let descriptor = socket.raw
        listening = try poll.watch(descriptor, for: .readable, named: path) { [weak self] _ in
            self?.assumeIsolated { $0.accept(descriptor, group) }
        }
        listener = consume socket
    }

    /// Ends all connections and removes the socket.
    func stop() {
        if let listening { poll.unwatch(listening) }
        listening = nil
        listener = nil
        unlink(path)
        for number in Array(connections.keys) { close(number) }
    }

    private func accept(_ descriptor: Int32, _ group: UInt32?) {
        while let socket = UnixSocket.accept(descriptor) {
            guard connections.count < 32, let peer = UnixSocket.peer(socket.raw) else { continue }
            lastNumber += 1
            let number = lastNumber
            let raw = socket.raw
            let connection = Connection(
                socket, Requester(user: peer.user, process: peer.process),
                mayAsk: Requester.isAdmin(peer, adminGroup: group))
            let watching = { () throws(SystemError) -> PollThread.Token in
                try self.poll.watch(raw, for: .readable, named: self.path) { [weak self] events in
                    self?.assumeIsolated { $0.ready(number, events) }
                }
            }
            guard let token = try? watching() else { continue }
            connection.token = token
            connections[number] = connection
        }
    }

    private func ready(_ number: Int, _ events: PollThread.Events) {
        guard let connection = connections[number] else { return }
        if events.contains(.writable) { flush(number) }
        guard events.contains(.readable) || !events.isDisjoint(with: .hungUp) else { return }
        var buffer = [UInt8](repeating: 0, count: 16_384)
        guard let count = try? connection.socket.read(into: &buffer, subject: path) else { return }
        // The other end closes to end a watch; a request that was taken is carried out all the same.
        guard count > 0 else { return close(number) }
        connection.input += buffer[..<count]
        guard connection.input.count <= ControlRequest.maximumBytes else { return close(number) }
        guard connection.work == nil, let end = connection.input.firstIndex(of: 10) else { return }
        let line = Array(connection.input[..<end])
        // Said only now: a connection closed with the request unread would end as a reset, without the sentence.
        guard connection.mayAsk else {
            send(ControlReply.failure(refusal(of: connection.requester)), to: number, last: true)
            return
        }
        // Unstructured: it belongs to the connection, whose end cancels it.
        connection.work = Task { [weak self, administrator, requester = connection.requester] in
            guard let request = ControlRequest(line: line) else {
                await self?.send(
                    ControlReply.failure(CommandError("the request is not readable")), to: number, last: true)
                return
            }
            if request.command == "watch" {
                for await event in administrator.watch() {
                    guard await self?.send(ControlReply.success(event), to: number, last: false) == true else { return }
                }
                return
            }
            do throws(CommandError) {
                let result = try await administrator.perform(request, by: requester)
                await self?.send(ControlReply.success(result), to: number, last: true)
            } catch {
                await self?.send(ControlReply.failure(error), to: number, last: true)
            }
        }
    }

    private func refusal(of requester: Requester) -> CommandError {
        let name = Users.name(requester.user)
        return CommandError(
            "\(name) may not control scangate", hint: "become a member: usermod -aG \(adminGroup) \(name)")
    }

    @discardableResult
    private func send(_ bytes: [UInt8], to number: Int, last: Bool) -> Bool {
        guard let connection = connections[number], !connection.isEnding else { return false }
        // Pictures and lists are large, and nobody has to read what was asked for.
        let others = connections.values.reduce(0) { $0 + ($1 === connection ? 0 : $1.output.held) }
        let hasRoom = !last || bytes.count <= Self.small || others <= Self.mostUntaken
        connection.output.append(hasRoom ? bytes : ControlReply.failure(Self.tooMuchUntaken))
        connection.isEnding = last
        // A list of scans may be long; a watcher that does not read is let go.
        guard last || connection.output.count < 1 << 20 else {
            close(number)
            return false
        }
        flush(number)
        return connections[number] != nil
    }

    private func flush(_ number: Int) {
        guard let connection = connections[number] else { return }
        var isGone = false
        connection.output.drain { rest in
            while true {
                let count = Glibc.send(connection.socket.raw, rest.baseAddress, rest.count, Int32(MSG_NOSIGNAL))
                if count < 0 && errno == EINTR { continue }
                isGone = count < 0 && errno != EAGAIN
                return max(count, 0)
            }
        }
        // A peer that reads no more (EPIPE) stays so, and epoll would call it writable for ever.
        if isGone { return close(number) }
        if connection.output.count == 0 {
            if connection.isEnding { return close(number) }
            if let token = connection.token { poll.change(token, to: .readable) }
        } else if let token = connection.token {
            poll.change(token, to: [.readable, .writable])
        }
    }

    private static var tooMuchUntaken: CommandError {
        CommandError(
            "64 MiB of earlier replies are not read yet by those who asked",
            hint: "end them: a stopped scangate, or a pipe that nobody reads; see: pgrep -a scangate")
    }

    private func close(_ number: Int) {
        guard let connection = connections.removeValue(forKey: number) else { return }
        connection.work?.cancel()
        if let token = connection.token { poll.unwatch(token) }
    }
}
