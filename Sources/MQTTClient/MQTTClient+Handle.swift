internal import CMosquitto
internal import Glibc
internal import Model

extension MQTTClient {
    /// A handle with everything set, its connection begun; it belongs to the caller.
    ///
    /// After an attempt that could not reach the broker the next one takes IPv4 only, and so on in turn: the library
    /// tries one address of a name in an attempt that does not block.
    func makeHandle(attempt: Int) throws(MQTTFailure) -> OpaquePointer {
        let context = Unmanaged.passUnretained(self).toOpaque()
        guard let handle = mosquitto_new(settings.clientID, true, context) else {
            throw MQTTFailure(
                .misconfigured, "\(settings.place): the client id \(Safe.text(settings.clientID)) cannot be used",
                hint: "write 1 to \(MQTTSettings.longestClientID) bytes of UTF-8")
        }
        do throws(MQTTFailure) {
            try configure(handle)
            setCallbacks(handle)
            errno = 0
            let status = mosquitto_connect_bind_async(
                handle, settings.host, Int32(settings.port), Int32(settings.keepAliveSeconds),
                attempt.isMultiple(of: 2) ? "0.0.0.0" : nil)
            let code = errno
            guard status == 0, mosquitto_socket(handle) >= 0 else {
                throw trouble.failure(status, errno: code, settings, shortLived: 0)
            }
            // The library leaves it open for programs that this one starts, which would keep the connection standing.
            _ = fcntl(mosquitto_socket(handle), F_SETFD, FD_CLOEXEC)
            scangate_mosquitto_watch(handle, context) { @Sendable written, _, type, bytes, count, _, context in
                guard written == 0, type == 21, count == 2, let bytes else { return }
                let description = bytes.load(fromByteOffset: 1, as: UInt8.self)
                MQTTClient.deliver(context) { $0.trouble.noteAlert(description) }
            }
            return handle
        } catch {
            mosquitto_destroy(handle)
            throw error
        }
    }

    private func configure(_ handle: OpaquePointer) throws(MQTTFailure) {
        let version = isVersion5 ? MQTT_PROTOCOL_V5 : MQTT_PROTOCOL_V311
        mosquitto_int_option(handle, MOSQ_OPT_PROTOCOL_VERSION, version)
        mosquitto_int_option(handle, MOSQ_OPT_RECEIVE_MAXIMUM, Int32(settings.receiveMaximum))
        mosquitto_int_option(handle, MOSQ_OPT_SEND_MAXIMUM, Int32(settings.sendMaximum))
        // An answer waits for each message: Nagle's delay would be part of every scan's way.
        mosquitto_int_option(handle, MOSQ_OPT_TCP_NODELAY, 1)
        if let username = settings.username {
            try check(mosquitto_username_pw_set(handle, username, settings.password), "user name and password")
        }
        if let will = settings.will {
            let status = will.payload.withUnsafeBytes {
                mosquitto_will_set(handle, will.topic, Int32(clamping: $0.count), $0.baseAddress, 1, will.isRetained)
            }
            try check(status, "the last will's topic \(Safe.text(will.topic))")
        }
        guard let tls = settings.tls else { return }
        for file in [tls.caFile, tls.certFile, tls.keyFile] {
            guard let file, access(file, R_OK) != 0 else { continue }
            throw MQTTFailure(
                .tls, "\(settings.place): TLS: cannot read \(Safe.text(file)): \(String(cString: strerror(errno)))",
                hint: "tls must name readable PEM files")
        }
        // The library's own switch for the system's authorities does not go together with a client certificate.
        let system = tls.caFile == nil ? X509_get_default_cert_dir() : nil
        try check(
            mosquitto_tls_set(handle, tls.caFile, system, tls.certFile, tls.keyFile, nil),
            "the TLS files (cert_file and key_file belong together)")
        if let alpn = settings.alpn {
            try check(mosquitto_string_option(handle, MOSQ_OPT_TLS_ALPN, alpn), "alpn \(Safe.text(alpn))")
        }
    }

    private func check(_ status: Int32, _ what: String) throws(MQTTFailure) {
        guard status != 0 else { return }
        throw MQTTFailure(
            .misconfigured, "\(settings.place): \(what) cannot be used: \(String(cString: mosquitto_strerror(status)))")
    }

    // All are called on the client's thread, out of the calls of the library that the client makes. The context is the
    // client itself, which outlives its handle.
    private func setCallbacks(_ handle: OpaquePointer) {
        mosquitto_connect_v5_callback_set(handle) { @Sendable _, context, code, flags, properties in
            let session = MQTTPublish.session(flags, properties)
            MQTTClient.deliver(context) { $0.didConnect(UInt8(truncatingIfNeeded: code), session) }
        }
        mosquitto_disconnect_v5_callback_set(handle) { @Sendable _, context, code, _ in
            MQTTClient.deliver(context) { $0.didDisconnect(code) }
        }
        mosquitto_publish_v5_callback_set(handle) { @Sendable _, context, mid, code, _ in
            MQTTClient.deliver(context) { $0.didPublish(mid, MQTTReason(rawValue: UInt8(truncatingIfNeeded: code))) }
        }
        mosquitto_subscribe_callback_set(handle) { @Sendable _, context, mid, count, granted in
            let code = count > 0 ? granted.map { UInt8(truncatingIfNeeded: $0.pointee) } : nil
            MQTTClient.deliver(context) { $0.didSubscribe(mid, code ?? 0x80) }
        }
        mosquitto_message_v5_callback_set(handle) { @Sendable _, context, message, properties in
            guard let message else { return }
            let copy = MQTTPublish.message(message, properties)
            MQTTClient.deliver(context) { $0.didReceive(copy) }
        }
        mosquitto_log_callback_set(handle) { @Sendable handle, context, level, text in
            guard level & (MOSQ_LOG_ERR | MOSQ_LOG_WARNING) != 0, let text else { return }
            let verdict = scangate_mosquitto_verdict(handle)
            let line = String(cString: text)
            MQTTClient.deliver(context) { $0.trouble.note(line, verdict: verdict) }
        }
    }

    private static func deliver(_ context: UnsafeMutableRawPointer?, _ body: (isolated MQTTClient) -> Void) {
        guard let context else { return }
        Unmanaged<MQTTClient>.fromOpaque(context).takeUnretainedValue().assumeIsolated(body)
    }
}
