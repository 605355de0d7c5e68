internal import Gateway
internal import Glibc
internal import Posix

enum RelayCommand {
    static let relay = Command(
        name: "relay", usage: "[--config FILE]", summary: "MQTT to HTTPS: brings gateways' batches to the backend",
        details: """
            Takes the batches of all gateways from a broker, posts them to the one uplink of its file, and publishes the
            backend's answers as acks. Its file has a section [relay] with the broker's url and keys_dir, and one
            [[uplink]]. It needs no scanner and no state directory and keeps nothing: a gateway gives a scan up only once
            it is answered, so any number may run side by side, and any may die at any moment.
            SIGTERM takes no more, answers what is under way within 5 s and ends; SIGHUP reads keys and passwords anew.

            [relay]
            url = "mqtts://broker.example"
            keys_dir = "/etc/scangate/gateway-keys"    # a file a gateway: dock-7 holds the key of dock-7
            auth = { kind = "password", username = "relay", password_file = "/etc/scangate/broker.password" }
            [[uplink]]
            url = "https://tracetrack.example"
            contract = "tracetrack-devices"
            auth = { kind = "signature" }

            example: scangate relay --config /etc/scangate/relay.toml
            """,
        options: []
    ) { arguments in
        _ = try arguments.operands()
        do throws(CommandError) { try await RelayDaemon.run(configurationAt: arguments.configurationPath) } catch {
            Log.lines(.error, error.message + "\n" + error.hint)
            exit(error.exit.rawValue)
        }
    }
}
