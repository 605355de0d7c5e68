internal import Uplinks

extension ConfigurationSchema {
    // No key is required here: the section as a whole may be missing. `ConfigurationBuilder.relay` asks for them.
    static let relay = [
        Key("url", .urls, .none, "The broker: `mqtts://HOST` (port 8883) or `mqtt://HOST` (1883)."),
        Key(
            "keys_dir", .path(max: 1024), .none,
            "A directory with a file for each gateway, named like it, mode 0600, with that gateway's key: the same as "
                + "its uplink's key_file."),
        Key(
            "devices_file", .file(secret: true), .none,
            "tracetrack-web: the scanners' keys, lines of `scangate device export --reveal` of all gateways; the relay "
                + "checks each scan by them, since the backend does not."),
        Key("auth", .table(authentication), .none, "How the relay signs in at the broker; without it by certificate."),
        Key("tls", .table(tls), .none, "PEM files for mqtts; without them the system's authorities."),
        Key(
            "id", .text(max: 128), .computed("`relay-` and eight random digits, new at each start"),
            "Unique at the broker: a second client with the same id ends the connection of the first."),
        Key("share", .name, .value("\"relay\""), "Relays with the same word share the batches."),
        Key("topic_prefix", .text(max: 100), .value("\"scan/v1\""), "As in the gateways' `mqtt.topic_prefix`."),
        Key("in_flight", .integer(1...256), .value("64"), "Requests to the backend under way at once."),
        Key(
            "queue", .integer(1...100_000), .value("1024"),
            "Batches that wait for their turn, at most 256 of one gateway; beyond that they are dropped and come again."
        ),
        Key("queue_bytes", .size(1 << 20...16 << 30), .value("\"64 MiB\""), "The bytes of those batches."),
        Key(
            "answer_within", .duration(1000...300_000), .value("\"10 s\""),
            "tracetrack-web: after this long a batch is answered with what is known of its scans; less than the gateways' "
                + "`timeout`."),
        Key("keep_alive", .duration(30_000...1_200_000), .value("\"60 s\""), "As in `mqtt.keep_alive`."),
        Key("alpn", .text(max: 64), .none, "As in `mqtt.alpn`."),
    ]

    private static let authentication = [
        Key("kind", .choice(["mtls", "password", "none"]), .value("\"mtls\""), "`mtls`: the certificate of tls."),
        Key("username", .text(max: 200), .none, "password: the broker's user."),
        Key("password_file", .file(secret: true), .none, "password: the first line is the password."),
    ]
}
