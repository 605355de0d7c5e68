internal import CMosquitto
internal import Glibc
internal import Model

/// What is known of an attempt that fails, and the one clear line made of it.
struct MQTTTrouble {
    private var lines: [String] = []
    private var verdict = 0
    private var socketError: Int32 = 0

    /// The library's own words, at most eight lines, and OpenSSL's verdict on the broker's certificate.
    mutating func note(_ line: String, verdict: Int) {
        if lines.count < 8 { lines.append(line) }
        if verdict != 0 { self.verdict = verdict }
    }

    /// Why the socket failed, before the library closes it.
    mutating func readSocketError(_ descriptor: Int32) {
        var length = socklen_t(MemoryLayout<Int32>.size)
        getsockopt(descriptor, SOL_SOCKET, SO_ERROR, &socketError, &length)
    }

    /// The broker's last TLS alert. TLS 1.3 tells of a refused client certificate after the handshake only, and of what
    /// comes then the library says no more than EPROTO.
    mutating func noteAlert(_ description: UInt8) {
        // 0 is "close notify", the good end of a connection.
        if description != 0 { note("alert: \(Self.words(description))", verdict: 0) }
    }

    private static func words(_ description: UInt8) -> String {
        String(cString: scangate_alert_words(Int32(description)))
    }

    /// The library's status and errno as a sentence.
    ///
    /// - Parameter shortLived: 0 where the connection did not come about, else how many in a row have not lasted.
    func failure(_ status: Int32, errno code: Int32, _ settings: MQTTSettings, shortLived: Int) -> MQTTFailure {
        let wasUp = shortLived > 0
        let place = settings.place
        let text = lines.joined(separator: "; ")
        let isHandshake = socketError == 0 && status == MOSQ_ERR_TLS.rawValue
        if settings.tls != nil, verdict != 0 || !text.isEmpty || isHandshake {
            return isDamage(text, wasUp: wasUp) ? damage(settings, text) : tls(settings, text)
        }
        switch status {
        case MOSQ_ERR_EAI.rawValue, MOSQ_ERR_LOOKUP.rawValue:
            return MQTTFailure(
                .network, "\(place): \(String(cString: gai_strerror(code)))",
                hint: "check the url's host name and this machine's DNS")
        case MOSQ_ERR_KEEPALIVE.rawValue:
            return MQTTFailure(.network, "\(place): the broker has fallen silent", hint: "check the network between")
        case MOSQ_ERR_PROTOCOL.rawValue, MOSQ_ERR_MALFORMED_PACKET.rawValue, MOSQ_ERR_MALFORMED_UTF8.rawValue:
            return MQTTFailure(
                .network, "\(place): what came is not MQTT\(settings.tls == nil ? ", or a TLS port answers" : "")",
                hint: "check the url's scheme and port: mqtts:// is 8883, mqtt:// is 1883")
        case MOSQ_ERR_INVAL.rawValue:
            return MQTTFailure(.misconfigured, "\(place): the library refuses the settings")
        case MOSQ_ERR_ERRNO.rawValue where !wasUp && settings.tls != nil && code == EPROTO: return cut(settings)
        case MOSQ_ERR_ERRNO.rawValue where !wasUp || socketError != 0:
            let reason = socketError != 0 ? socketError : code
            return MQTTFailure(
                .network, "\(place): \(reason == 0 ? "no connection" : String(cString: strerror(reason)))",
                hint: "check that the broker runs, and the port and firewall between")
        default:
            guard wasUp else { return cut(settings) }
            // Not every broker says so when it ends a connection for another one (mosquitto 2.0 does not).
            return MQTTFailure(
                .network, "\(place): the connection broke",
                hint: shortLived < 3
                    ? ""
                    : "for the \(shortLived)th time soon after it was made: see whether another client uses the id "
                        + Safe.text(settings.clientID))
        }
    }

    // A broker that goes down does so, too: only time can tell.
    private func cut(_ settings: MQTTSettings) -> MQTTFailure {
        let hint: String
        if let tls = settings.tls {
            let certificate = tls.certFile.map { "takes the client certificate \(Safe.text($0))" }
            hint =
                "check that the port speaks TLS (mqtts:// is 8883, mqtt:// is 1883), and whether it "
                + (certificate ?? "wants a client certificate (tls.cert_file)")
        } else {
            hint = "the port may want TLS (mqtts://); the broker's log has the reason"
        }
        return MQTTFailure(
            .network, "\(settings.place): the broker closed the connection before it took it", hint: hint)
    }

    /// What a flipped bit leaves of a TLS record, in OpenSSL's words: nothing that a person could mend at either end.
    private static let damaged = [
        "bad record mac", "decryption failed", "decode error", "digest check failed", "unexpected message",
        "unexpected record",
    ]

    // Of a connection that was up, no certificate is in question any more, unless the broker says so.
    private func isDamage(_ text: String, wasUp: Bool) -> Bool {
        guard verdict == 0, !text.contains("unexpected eof") else { return false }
        return Self.damaged.contains { text.contains($0) } || wasUp && !text.isEmpty && !text.contains("alert")
    }

    private func damage(_ settings: MQTTSettings, _ text: String) -> MQTTFailure {
        MQTTFailure(
            .network, "\(settings.place): TLS: what came was damaged on the way: \(words(text))",
            hint: "check the network between")
    }

    // The numbers are X509_V_ERR_… of OpenSSL's x509_vfy.h.
    private func tls(_ settings: MQTTSettings, _ text: String) -> MQTTFailure {
        func make(_ message: String, _ hint: String) -> MQTTFailure {
            MQTTFailure(.tls, "\(settings.place): TLS: \(message)", hint: hint)
        }
        let files = settings.tls
        let certificate = files?.certFile.map { Safe.text($0) } ?? "(none given)"
        let authority = files?.caFile.map { Safe.text($0) } ?? "the system's authorities"
        if text.contains("host name verification failed") {
            return make(
                "the broker's certificate is for another host name than \(Safe.text(settings.host))",
                "write the name in the url that the certificate was made for")
        }
        switch verdict {
        case 0: break
        case 9:
            return make("the broker's certificate is not valid yet", "set this machine's clock")
        case 10:
            return make("the broker's certificate has expired", "renew it, or set this machine's clock")
        case 2, 18, 19, 20, 21:
            return make(
                "the broker's certificate is not signed by \(authority)", "set tls.ca_file to the broker's authority")
        case 23: return make("the broker's certificate was revoked", "give the broker a new one")
        default:
            return make(
                "the broker's certificate is not good: \(String(cString: X509_verify_cert_error_string(verdict)))",
                "check the broker's certificate")
        }
        if text.contains("CA certificates") {
            return make("\(authority) holds no certificates", "tls.ca_file must name a PEM file")
        }
        if text.contains("Unable to load client") || text.contains("inconsistent") {
            return make(
                "\(certificate) and \(files?.keyFile.map { Safe.text($0) } ?? "(no key given)") cannot be used",
                "tls.cert_file and tls.key_file must name a PEM pair that belongs together")
        }
        if text.contains("alert") {
            return make(
                "the broker does not accept our certificate \(certificate): \(words(text))",
                "give tls.cert_file a certificate that the broker knows, with its chain")
        }
        if text.contains("unexpected eof") {
            return cut(settings)
        }
        if text.contains("wrong version number") || text.contains("packet length too long") {
            // A captive portal does so as well, and goes without anybody's doing here.
            return MQTTFailure(
                .network, "\(settings.place): TLS: what answers does not speak TLS",
                hint: "check the port: mqtts:// is 8883, mqtt:// is 1883; a captive portal may stand between")
        }
        return make(text.isEmpty ? "the handshake failed" : words(text), "the broker's log has the reason")
    }

    // OpenSSL's words are what follows the last colon.
    private func words(_ text: String) -> String {
        let line = lines.first { $0.contains("alert") } ?? lines.first ?? text
        return Safe.text(line.split(separator: ":").last.map { String($0.drop { $0 == " " }) } ?? line, limit: 160)
    }

    // MARK: The broker's own words

    /// CONNACK or DISCONNECT with a refusal.
    static func refusal(_ reason: MQTTReason, _ settings: MQTTSettings) -> MQTTFailure {
        let id = Safe.text(settings.clientID)
        let user = settings.username.map { "the user \(Safe.text($0))" } ?? "the client \(id)"
        func make(_ kind: MQTTFailure.Kind, _ message: String, _ hint: String) -> MQTTFailure {
            MQTTFailure(kind, "\(settings.place): \(message): \(reason)", hint: hint, reason: reason)
        }
        switch reason {
        case .badCredentials:
            return make(.badCredentials, "the broker refuses \(user)", "check the user's name and password_file")
        case .notAuthorised, .banned:
            // mosquitto answers so to a wrong password as well.
            return make(
                .notAuthorised, "the broker does not let \(user) in",
                "check user name and password or certificate, and the broker's rules for the client id \(id)")
        case .takenOver:
            return make(
                .takenOver, "another client uses the id \(id)",
                "give each gateway an id of its own (gateway.id, or mqtt.client_id)")
        case .unsupportedVersion:
            return make(
                .misconfigured, "the broker does not speak this version of MQTT", "write mqtt.protocol = \"auto\"")
        case .badClientID:
            return make(.misconfigured, "the broker does not like the client id \(id)", "write another mqtt.client_id")
        case .unavailable, .busy, .rateTooHigh, .quotaExceeded, MQTTReason(rawValue: 0x8B), MQTTReason(rawValue: 0x9F):
            return make(.busy, "the broker cannot take us now", "")
        case MQTTReason(rawValue: 0x8D):
            return make(.network, "the broker missed us for too long", "check the network between")
        case .packetTooLarge, .topicInvalid, MQTTReason(rawValue: 0x9A), MQTTReason(rawValue: 0x9B):
            return make(.misconfigured, "the broker refuses what the client wants", "check topic_prefix and the broker")
        default: return make(.network, "the broker ended the connection", "its log has the reason")
        }
    }

    /// SUBACK with a refusal.
    static func subscriptionRefusal(_ reason: MQTTReason, _ filter: String, _ settings: MQTTSettings) -> MQTTFailure {
        MQTTFailure(
            .notAuthorised,
            "\(settings.place): the broker does not let \(Safe.text(settings.username ?? settings.clientID)) "
                + "subscribe \(Safe.text(filter)): \(reason)",
            hint: "allow it in the broker's rules (ACL, IoT policy)", reason: reason)
    }
}
