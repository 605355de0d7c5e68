internal import Gzip
internal import MQTTClient
internal import Model
internal import Wire

/// Turns what a broker says into the rows of "What the gateway does with each answer".
enum MQTTAnswer {
    /// No connection.
    static func classify(_ failure: MQTTFailure) -> BatchAnswer {
        let text = failure.description
        switch failure.kind {
        case .network, .tls, .busy: return .unreachable(text)
        case .badCredentials: return .unauthorized(text)
        // mosquitto answers so to a wrong password, too; a refused subscription has nothing to do with one.
        case .notAuthorised: return .forbidden(text)
        case .takenOver: return .forbidden(text)
        case .misconfigured: return .misconfigured(text)
        case .closed: return .cancelled
        }
    }

    /// A publish that brought nothing; nil for a success.
    static func classify(_ outcome: PublishOutcome, _ place: String, topic: String) -> BatchAnswer? {
        switch outcome {
        case .acknowledged: return nil
        case .refused(let reason): return classify(reason, "\(place): the broker refuses \(topic): \(reason)")
        case .tooLarge: return .tooLarge("\(place): the batch is larger than the broker takes")
        case .invalid(let text): return .misconfigured("\(place): \(text)")
        case .notConnected(let failure): return failure.map(classify) ?? .unreachable("\(place): not connected")
        // It may have arrived: no other way, and the same bytes again.
        case .lost(let failure):
            let answer = classify(failure)
            if case .unreachable(let text) = answer { return .failure(text, retryAfter: nil) }
            return answer
        case .cancelled: return .cancelled
        }
    }

    private static func classify(_ reason: MQTTReason, _ text: String) -> BatchAnswer {
        switch reason {
        case .notAuthorised: .forbidden("\(text); allow it in the broker's rules (ACL, IoT policy)")
        case .badCredentials: .unauthorized(text)
        case .topicInvalid: .misconfigured("\(text); check mqtt.topic_prefix")
        case .quotaExceeded, .rateTooHigh:
            .slowDown("\(text); lower mqtt.max_messages_per_s or max_bytes_per_s", retryAfter: nil)
        case .packetTooLarge: .tooLarge(text)
        case .payloadInvalid: .refused(text)
        default: .failure(text, retryAfter: nil)
        }
    }

    /// An ack that has proved itself.
    static func classify(_ ack: AckTable.Ack, batchID: UUID, place: String) -> BatchAnswer {
        let body: [UInt8]
        do {
            body = ack.isCompressed ? try Gzip.decompress(ack.payload, limit: BatchReply.maximumBytes) : ack.payload
        } catch { return .unreadable("\(place): the ack is no gzip, or over 1 MiB") }
        do {
            let reply = try BatchReply.parse(body)
            guard reply.batchID == batchID else {
                return .unreadable("\(place): the ack's payload is for another batch, \(reply.batchID)")
            }
            return reply.refusal.map { classify($0, place) } ?? .results(reply)
        } catch { return .unreadable("\(place): the ack has no readable results (\(error))") }
    }

    // What a relay was answered over HTTP: the rows of the table that ask for another batch. All others it does not ack.
    private static func classify(_ refusal: BatchReply.Refusal, _ place: String) -> BatchAnswer {
        let text = "\(place): \(Safe.text(refusal.text, limit: 300))"
        return switch refusal.status {
        case 413: .tooLarge(text)
        case 415: .compressionRefused(text)
        case 400, 422: .refused(text)
        default: .unreadable("\(text) (status \(refusal.status) in an ack)")
        }
    }
}
