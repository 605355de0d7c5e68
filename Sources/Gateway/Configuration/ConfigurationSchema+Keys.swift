internal import Gate
internal import Model
internal import Uplinks

extension ConfigurationSchema {
    private static let second: Int64 = 1000
    private static let day: Int64 = 86_400_000

    /// The configuration of this version.
    public static let current = ConfigurationSchema(keys: [
        Key("gateway", .table(gateway), .none, "This gateway and where it keeps its things."),
        Key("keys", .table(sealing), .none, "How device keys are protected at rest."),
        Key("spool", .table(spool), .none, "The bounds of the durable log."),
        Key("lane", .table(lane(inherits: false)), .none, "How every lane judges its scans."),
        Key("lanes", .named(lane(inherits: true)), .none, "What one lane does otherwise: `[lanes.table-1]`."),
        Key(
            "label", .tables(label), .computed("the three shipped rules"),
            "Label rules: the first that matches decides. One `[[label]]` of your own replaces the shipped rules."),
        Key(
            "scanners", .table(scanners), .none, "Scanners: which profiles there are, and what becomes of strange ones."
        ),
        Key("camera", .table(camera), .none, "What is kept of what cameras see."),
        Key("uplink", .tables(uplink), .none, "The ways out. Without one, scans wait in the spool."),
        Key(
            "signal", .tables(signal), .none,
            "The gateway's own sounds and lights, beside those of the scanners. See docs/signals.md."),
        Key("console", .table(console), .none, "Health, metrics and pages."),
        Key(
            "relay", .table(relay), .none,
            "For `scangate relay` alone, which takes batches from a broker and posts them to the one uplink of its file. "
                + "There the uplink's `auth = { kind = \"signature\" }` has no key_file: each batch is signed with its "
                + "gateway's own key."),
    ])

    private static let gateway = [
        Key(
            "id", .name, .computed("the host name at first start, then kept in state_dir"),
            "The gateway's name, unique at its backend."),
        Key("site", .text(max: 63), .value("\"\""), "The site's name, sent with each batch."),
        Key("state_dir", .path(max: 1024), .value("\"/var/lib/scangate\""), "The spool, the registry and the keys."),
        // sockaddr_un holds 108 bytes with the NUL: unix(7).
        Key(
            "control_socket", .path(max: 107), .value("\"/run/scangate/control.sock\""),
            "Where the commands reach the daemon; mode 0660, the group below."),
        Key(
            "admin_group", .text(max: 32), .value("\"scangate-admin\""),
            "The group whose members may use the control socket."),
    ]

    private static let sealing = [
        Key(
            "sealing_key_file", .file(secret: true),
            .computed("made once in state_dir, with a warning, while there is no keystore yet"),
            "32 random bytes that seal the keystore.")
    ]

    private static let spool = [
        Key(
            "max_scans", .integer(1000...1_000_000_000), .value("5_000_000"),
            "Scans waiting, rejected or held; at the bound scans are refused with an error signal."),
        Key(
            "max_bytes", .size(16 << 20...1 << 50), .value("\"4 GiB\""),
            "Live pages and WAL; at the bound judged scans go first, then scans are refused."),
        Key(
            "min_free", .size(0...1 << 50), .value("\"256 MiB\""),
            "What must stay free on the filesystem; below it scans are refused. 4 MiB more are kept for what waits."
        ),
        Key(
            "keep_accepted", .duration(0...3650 * day), .value("\"30 d\""),
            "How long a judged scan is kept for `scans find`."),
    ]

    private static func lane(inherits: Bool) -> [Key] {
        func standard(_ text: String) -> Standard { inherits ? .computed("that of [lane]") : .value(text) }
        return [
            Key(
                "debounce", .duration(0...60 * second), standard("\"1500 ms\""),
                "Within this time the same label again is the same scan; a different label never is."),
            Key(
                "children_per_parent", .integer(1...1000), standard("30"),
                "Children of a full bag: the last gives the signal bag-complete, one more is refused."),
            Key(
                "forget_parent_after", .duration(second...7 * day), standard("\"20 min\""),
                "After this long without a scan the lane asks for the bag again."),
            Key(
                "short_bag", .choice(LaneSettings.ShortBag.allCases.map(\.rawValue)), standard("\"confirm\""),
                "A new bag before the current one is full: warn and ask for a second scan, or leave it at once.",
                later: true),
            Key(
                "other", .choice(LaneSettings.Other.allCases.map(\.rawValue)), standard("\"refuse\""),
                "A label that no rule knows: refuse it, store it for a person to look at, or send it as it is."),
        ]
    }

    private static let label = [
        Key(
            "role", .choice(LabelRule.Role.allCases.map(\.rawValue)), .required,
            "What the label is; `refuse` does not take it."),
        Key(
            "match", .pattern, .none,
            "The label is taken whole where this is found in it. A rule has `match` or `extract`."),
        Key(
            "extract", .pattern, .none,
            "The first group found is taken, or the whole match where there is no group."),
        Key(
            "case", .choice(LabelRule.LetterCase.allCases.map(\.rawValue)), .value("\"keep\""),
            "How ASCII letters are written afterwards."),
        Key(
            "symbology", .choice(Symbology.allCases.filter { $0 != .unknown }.map(\.rawValue)), .none,
            "The rule is for this bar code type only."),
        Key(
            "text", .text(max: 200), .computed("\"\(LabelRule.defaultText)\" for `refuse`"),
            "What the worker reads when a rule of role `refuse` matches."),
    ]

    private static let uplink = [
        Key("name", .name, .computed("uplink-N, N its place"), "The uplink's name, unique."),
        Key(
            "url", .urls, .required,
            "The backend; a list names further regions of the same backend, tried in order. "
                + "Without a path: the contract's own. `mqtts://HOST` (port 8883) or `mqtt://HOST` (1883) for MQTT."),
        Key(
            "contract", .choice(UplinkSettings.Contract.allCases.map(\.rawValue)), .value("\"tracetrack-web\""),
            "TraceTrack as it stands, or signed batches (always, and the default, over MQTT)."),
        Key(
            "use", .choice(UplinkSettings.Use.allCases.map(\.rawValue)), .value("\"primary\""),
            "The way out; the way while that one cannot be used; or a copy. A further primary, of another backend, gets "
                + "only the lanes that `scangate uplink cutover` gives it."),
        Key(
            "max_backlog", .integer(1...10_000_000), .value("100_000"),
            "A mirror's: scans that may wait for it; beyond that it gives up the oldest and counts them."),
        Key(
            "backend", .name, .computed("\"default\"; of a mirror its name"),
            "Uplinks that share a backend share its deduplication: a primary and its fallbacks."),
        Key(
            "rollback", .table(rollback), .none,
            "A further primary's: when the lanes that were cut over to it go back by themselves."),
        Key("auth", .table(authentication), .required, "How the gateway proves who it is."),
        Key("tls", .table(tls), .none, "PEM files for https; without them the system's authorities."),
        Key("batch", .table(batch), .none, "tracetrack-devices: the bounds of one batch and of the batches under way."),
        Key("paths", .table(paths), .none, "The paths of tracetrack-web."),
        Key("requests", .table(requests), .none, "tracetrack-web: the requests allowed to a host, `/login` aside."),
        Key(
            "timeout", .duration(second...300 * second), .value("\"15 s\""), "The whole of one request."),
        Key(
            "max_connection_age", .duration(second...day), .value("\"60 s\""),
            "Older connections are not used again, so that a DNS switch is followed."),
        Key(
            "block_linger", .duration(0...60 * second), .value("\"2 s\""),
            "tracetrack-web: how long a session stays with a lane that has run dry inside a bag, unless another lane has "
                + "waited five times as long. Less: shorter delays with more lanes than sessions, and more scan rows."),
        Key(
            "insecure_cookies", .boolean, .value("false"),
            "tracetrack-web: send cookies marked Secure over plain http too."),
        Key("mqtt", .table(mqtt), .none, "For uplinks over MQTT."),
    ]

    private static let rollback = [
        Key("to", .name, .none, "The name of the primary that the lanes came from."),
        Key("slow", .duration(1...300 * second), .value("\"500 ms\""), "An answer that takes longer is slow."),
        Key(
            "slow_for", .duration(second...day), .value("\"5 min\""),
            "They go back when most answers were slow for this long."),
        Key("error_percent", .integer(1...99), .value("10"), "Of a hundred requests this many may fail."),
        Key(
            "errors_for", .duration(second...day), .value("\"2 min\""),
            "They go back when more failed for this long."),
    ]

    private static let authentication = [
        Key(
            "kind", .choice(["login", "signature", "bearer", "mtls", "password"]), .required,
            "tracetrack-web: `login`. tracetrack-devices: `signature`, `bearer` or `mtls` (the certificate of tls). "
                + "MQTT: `signature`, `mtls` or `password`."),
        Key("accounts", .tables(account), .none, "login: the backend's users. Each session serves one lane at a time."),
        Key("key_file", .file(secret: true), .none, "signature: the gateway's key, base64url or 64 hex digits."),
        Key("token_file", .file(secret: true), .none, "bearer: the first line is the token."),
        Key("username", .text(max: 200), .none, "password: the broker's user."),
        Key("password_file", .file(secret: true), .none, "password: the first line is the password."),
        Key(
            "ack_key_file", .file(secret: true), .none,
            "password or mtls over MQTT: the gateway's key as in key_file, for the codes of batches and acks."),
    ]

    private static let account = [
        Key("username", .text(max: 200), .required, "The user's name."),
        Key("password_file", .file(secret: true), .required, "The first line is the password."),
        Key(
            "sessions", .integer(1...16), .value("1"),
            "Login sessions of this user side by side; 7 in all fit the login budget of one address."),
    ]

    static let tls = [
        Key("ca_file", .file(secret: false), .none, "Authorities to trust instead of the system's."),
        Key("cert_file", .file(secret: false), .none, "The gateway's certificate."),
        Key("key_file", .file(secret: true), .none, "The certificate's key."),
    ]

    private static let batch = [
        Key("max_scans", .integer(1...1000), .value("250"), "Scans in a batch."),
        Key("max_bytes", .size(1000...130_000), .value("120_000"), "Bytes of a batch before compression."),
        Key(
            "linger", .duration(0...10 * second), .value("\"0 ms\""),
            "How long an idle lane waits for more scans before it sends."),
        Key("in_flight", .integer(1...256), .value("16"), "Batches of different lanes under way at once."),
    ]

    private static let paths = [
        Key("parent", .urlPath, .value("\"/api/fast_parent_scan\""), "Where parents are posted."),
        Key("child", .urlPath, .value("\"/process_child_scan_fast\""), "Where children are posted."),
        Key("login", .urlPath, .value("\"/login\""), "The login page."),
        Key(
            "children", .text(max: 1024), .value("\"/api/parent-children\""),
            "Where a bag's children are read back after a lost answer, `/SB00860` appended; empty: not asked."),
        Key(
            "health", .urlPath, .value("\"/health\""),
            "Asked every 30 s, while another url is used, whether this one is well: any 2xx."),
    ]

    private static let requests = [
        Key("per_minute", .integer(1...1_000_000), .value("450"), "In any 60 s; the backend refuses the 501st."),
        Key("per_hour", .integer(1...100_000_000), .value("9000"), "In any hour; the backend refuses the 10,001st."),
        Key("count_children", .boolean, .value("false"), "Whether posts of children count; the backend exempts them."),
    ]

    private static let mqtt = [
        Key(
            "topic_prefix", .text(max: 100), .value("\"scan/v1\""),
            "What topics begin with: `PREFIX/GATEWAY/batch`, `…/ack`, `…/status`."),
        Key(
            "ack", .choice(UplinkSettings.MQTT.Ack.allCases.map(\.rawValue)), .value("\"application\""),
            "Whose word ends a scan's waiting: the backend's, by a message on `…/ack`, or the broker's PUBACK."),
        Key(
            "ack_auth", .choice(UplinkSettings.MQTT.AckProof.allCases.map(\.rawValue)), .value("\"key\""),
            "What an ack must show: a code by the gateway's key, or nothing, where the broker's rules see to it."),
        Key(
            "client_id", .text(max: 128), .computed("the gateway's name"),
            "Unique at the broker: a second client with the same id ends the connection of the first."),
        Key(
            "keep_alive", .duration(30 * second...1200 * second), .value("\"60 s\""),
            "Silence after which the broker is asked whether it is there."),
        Key(
            "alpn", .text(max: 64), .none,
            "The protocol offered in the TLS handshake: `x-amzn-mqtt-ca` for AWS IoT Core on port 443."),
        Key(
            "protocol", .choice(["auto", "5", "3.1.1"]), .value("\"auto\""),
            "The version of MQTT; `auto` is 5, and 3.1.1 where the broker refuses 5."),
        Key(
            "max_messages_per_s", .integer(1...10_000), .value("50"),
            "Publishes in a second. AWS IoT Core discards what is over 100, acks included."),
        Key(
            "max_bytes_per_s", .size(1024...1 << 30), .value("\"400 KiB\""),
            "Bytes in a second. AWS IoT Core takes 512 KiB."),
    ]

    private static let console = [
        Key("listen", .listen, .value("\"127.0.0.1:8470\""), "Where the console listens.", later: true)
    ]
}
