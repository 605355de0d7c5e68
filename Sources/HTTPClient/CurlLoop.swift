internal import CCurl
internal import Glibc
internal import Posix

/// The curl thread: owns the multi handle, every easy handle and every cookie share; nothing of them leaves it.
actor CurlLoop {
    // Handles above this many are freed instead of kept for the next request.
    private static let pooledHandles = 32

    private let executor: ThreadExecutor
    private let multi: UnsafeMutableRawPointer
    private let mailbox: Mailbox
    private var transfers: [UInt64: Transfer] = [:]
    private var pool: [UnsafeMutableRawPointer] = []
    private var shares: [UInt64: UnsafeMutableRawPointer] = [:]

    init(_ multi: MultiHandle, _ mailbox: Mailbox, _ executor: ThreadExecutor) {
        self.multi = multi.pointer
        self.mailbox = mailbox
        self.executor = executor
    }

    nonisolated var unownedExecutor: UnownedSerialExecutor { executor.asUnownedSerialExecutor() }

    /// The body of the thread; returns after `Mailbox.close`.
    func run() {
        // With CURLOPT_NOSIGNAL libcurl leaves SIGPIPE alone, which OpenSSL's writes would raise on this thread.
        var pipe = sigset_t()
        sigemptyset(&pipe)
        sigaddset(&pipe, SIGPIPE)
        pthread_sigmask(SIG_BLOCK, &pipe, nil)
        scangate_multi_long(multi, CURLMOPT_MAXCONNECTS, 64)
        while true {
            let (commands, closing) = mailbox.take()
            for command in commands { handle(command) }
            if closing { break }
            var running: Int32 = 0
            curl_multi_perform(multi, &running)
            finishTransfers()
            // A wake-up posted since take() is kept by libcurl and ends this call at once; libcurl shortens the wait
            // to its own next timeout, so an idle client never wakes.
            curl_multi_poll(multi, nil, 0, Int32.max, nil)
        }
        shutDown()
    }

    private func handle(_ command: Command) {
        switch command {
        case .start(let id, let request, let flag, let continuation):
            let transfer = Transfer(request, continuation)
            guard !flag.isSet else { return transfer.fail(Transfer.cancelled) }
            start(id, transfer)
        case .cancel(let id):
            guard let transfer = transfers.removeValue(forKey: id) else { return }
            transfer.finishCancelled()
            release(transfer)
        case .exportCookies(let jar, let continuation):
            continuation.resume(returning: withHandle(of: jar, []) { CookieLines.export($0) })
        case .clearCookies(let jar):
            withHandle(of: jar, ()) { _ = scangate_setopt_text($0, CURLOPT_COOKIELIST, "ALL") }
        case .discard(let jarID):
            if let share = shares.removeValue(forKey: jarID) { curl_share_cleanup(share) }
        }
    }

    private func start(_ id: UInt64, _ transfer: Transfer) {
        if let problem = transfer.request.problem { return transfer.fail(problem) }
        guard let easy = pool.popLast() ?? curl_easy_init() else { fatalError("libcurl is out of memory") }
        transfer.prepare(easy, id: id, share: transfer.request.jar.map(share))
        transfers[id] = transfer
        let status = curl_multi_add_handle(multi, easy)
        if status != CURLM_OK {
            transfers[id] = nil
            transfer.fail(HTTPClientError(.badRequest, String(cString: curl_multi_strerror(status))))
            release(transfer)
        }
    }

    private func finishTransfers() {
        var left: Int32 = 0
        while let message = curl_multi_info_read(multi, &left) {
            guard scangate_message_kind(message) == CURLMSG_DONE, let easy = message.pointee.easy_handle else {
                continue
            }
            let result = scangate_message_result(message)
            guard let transfer = transfers.removeValue(forKey: Transfer.id(of: easy)) else { continue }
            transfer.keepInsecureCookies()
            transfer.finish(result)
            release(transfer)
        }
    }

    // Takes the handle off the multi, which also ends a transfer under way, and keeps it for the next request.
    private func release(_ transfer: Transfer) {
        guard let easy = transfer.easy else { return }
        curl_multi_remove_handle(multi, easy)
        transfer.forgetHandle()
        curl_easy_reset(easy)
        // A reset handle keeps its share, and with it another session's cookies.
        scangate_setopt_share(easy, nil)
        if pool.count < Self.pooledHandles { pool.append(easy) } else { curl_easy_cleanup(easy) }
    }

    private func share(_ jar: CookieJar) -> UnsafeMutableRawPointer {
        if let share = shares[jar.id] { return share }
        guard let share = curl_share_init() else { fatalError("libcurl is out of memory") }
        // No lock callbacks: one thread uses the share.
        scangate_share_cookies(share)
        shares[jar.id] = share
        withHandle(of: jar, ()) { CookieLines.load(jar.saved, into: $0) }
        return share
    }

    private func withHandle<T>(of jar: CookieJar, _ otherwise: T, _ body: (UnsafeMutableRawPointer) -> T) -> T {
        guard let easy = curl_easy_init() else { return otherwise }
        defer { curl_easy_cleanup(easy) }
        scangate_setopt_share(easy, share(jar))
        return body(easy)
    }

    private func shutDown() {
        for command in mailbox.take().commands { refuse(command) }
        for transfer in transfers.values {
            transfer.finishCancelled()
            release(transfer)
        }
        transfers = [:]
        for easy in pool { curl_easy_cleanup(easy) }
        pool = []
        mailbox.forgetHandle()
        curl_multi_cleanup(multi)
        for share in shares.values { curl_share_cleanup(share) }
        shares = [:]
    }

    private func refuse(_ command: Command) {
        switch command {
        case .start(_, _, _, let continuation): continuation.resume(returning: .failure(HTTPClient.closed))
        case .exportCookies(_, let continuation): continuation.resume(returning: [])
        case .cancel, .clearCookies, .discard: break
        }
    }
}
