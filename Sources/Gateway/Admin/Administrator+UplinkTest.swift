internal import HTTPClient
internal import JSON
internal import Model
internal import Posix
internal import Uplinks

extension Administrator {
    /// Tries an uplink step by step, with the daemon's own rights and credentials where it runs.
    func testUplink(_ arguments: CommandArguments) async throws -> [UInt8] {
        let (group, name) = try uplink(arguments)
        let results: [(url: String, steps: [UplinkTestStep])]
        if let delivery = deliveries.first(where: { $0.group == group.id }) {
            results = await delivery.test(name)
        } else {
            results = try await testOffline(group, name)
        }
        let isOK = results.allSatisfy { $0.steps.allSatisfy { $0.outcome != .failed } }
        var json = JSONWriter()
        json.object {
            $0.member("uplink", name)
            $0.member("ok", isOK)
            $0.key("urls")
            $0.array {
                for result in results {
                    $0.object {
                        $0.member("url", result.url)
                        $0.key("steps")
                        $0.array { for step in result.steps { Self.write(step, to: &$0) } }
                    }
                }
            }
        }
        return json.bytes
    }

    private static func write(_ step: UplinkTestStep, to json: inout JSONWriter) {
        json.object {
            $0.member("name", step.name)
            $0.member("outcome", step.outcome.rawValue)
            $0.member("text", step.text)
        }
    }

    private func testOffline(_ group: UplinkGroup, _ name: String) async throws -> [(
        url: String, steps: [UplinkTestStep]
    )] {
        let client = HTTPClient()
        defer { client.close() }
        let context = DeliveryContext(
            gateway: gateway, site: configuration.gateway.site, log: log, client: client, time: clock,
            random: { Random.word() }, clockErrorMs: { TimeSource.estimatedErrorMs() })
        do {
            guard let delivery = try buildDeliveries([group], context: context).first else { return [] }
            return await delivery.test(name)
        } catch {
            throw CommandError(error.message, hint: error.hint, exit: .configuration)
        }
    }
}
