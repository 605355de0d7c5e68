internal import Model

/// What an SSI scanner is told besides acknowledgements: one command at a time, the next when the scanner has answered.
/// At most 64 commands wait; more are given up.
struct SSICommands {
    /// One command.
    struct Command: Equatable {
        var bytes: [UInt8]
        /// For complaints; empty for bytes that are no packet, which nobody answers.
        var name = ""
        /// Before the next.
        var pause: Duration = .zero
        /// Feedback is not said again where no answer comes, and newer feedback takes its place.
        var isFeedback = false
    }

    /// What is to be done.
    enum Action: Equatable {
        case write([UInt8])
        case complain(String)
    }

    private struct Flight {
        var command: Command
        var attempts: Int
        var dueNs: Int64
    }

    private let timing: SSITiming
    private var waiting: [Command] = []
    private var flight: Flight?
    private var notBeforeNs: Int64 = 0
    private var said: Set<String> = []
    private var refused: Set<String> = []

    init(_ timing: SSITiming) { self.timing = timing }

    /// Whether a command waits for its answer.
    var isUnderWay: Bool { flight != nil }

    /// When to call `advance` again.
    var dueNs: Int64? { flight?.dueNs ?? (waiting.isEmpty ? nil : notBeforeNs) }

    /// Adds commands behind those that wait.
    mutating func add(_ commands: [Command]) {
        waiting += commands.filter { !refused.contains($0.name) }.prefix(max(0, 64 - waiting.count))
    }

    /// Puts feedback in the place of what waits of older feedback.
    mutating func replaceFeedback(_ commands: [Command]) {
        waiting.removeAll { $0.isFeedback }
        add(commands)
    }

    /// Sends what can be sent, and looks after the command that has got no answer.
    mutating func advance(_ nowNs: Int64) -> [Action] {
        var actions: [Action] = []
        if let late = flight, late.dueNs <= nowNs {
            if late.attempts < 3 && !late.command.isFeedback {
                actions += again(nowNs)
            } else {
                actions += complain(
                    late.command.name,
                    "no answer to \(late.command.name): is its interface set to SSI, with ACK/NAK on?")
                finish(nowNs)
            }
        }
        while flight == nil, !waiting.isEmpty, notBeforeNs <= nowNs {
            let command = waiting.removeFirst()
            actions.append(.write(command.bytes))
            if command.name.isEmpty {
                notBeforeNs = nowNs + command.pause.nanoseconds
            } else {
                flight = Flight(command: command, attempts: 1, dueNs: nowNs + timing.waitNs)
            }
        }
        return actions
    }

    /// The scanner has carried the command out.
    mutating func acknowledged(_ nowNs: Int64) -> [Action] {
        finish(nowNs)
        return advance(nowNs)
    }

    /// The scanner has refused the command, with this cause.
    mutating func refused(_ cause: UInt8?, _ nowNs: Int64) -> [Action] {
        guard let flight else { return [] }
        if cause == 1 && flight.attempts < 3 { return again(nowNs) }
        var actions: [Action] = []
        if !flight.command.name.isEmpty && cause != 1 {
            refused.insert(flight.command.name)
            waiting.removeAll { $0.name == flight.command.name }
        }
        // Not every model has a light of its own to switch; the beep tells all.
        if flight.command.name != "LED_ON" && flight.command.name != "LED_OFF" {
            actions = complain(
                flight.command.name, "it refuses \(flight.command.name): \(SSIPacket.cause(cause))")
        }
        finish(nowNs)
        return actions + advance(nowNs)
    }

    private mutating func again(_ nowNs: Int64) -> [Action] {
        guard var late = flight, var packet = SSIPacket(late.command.bytes) else { return [] }
        packet.status |= 1
        late.attempts += 1
        late.dueNs = nowNs + timing.waitNs
        flight = late
        return [.write(packet.bytes)]
    }

    private mutating func finish(_ nowNs: Int64) {
        notBeforeNs = nowNs + (flight?.command.pause.nanoseconds ?? 0)
        flight = nil
    }

    /// Each once in an opening.
    private mutating func complain(_ name: String, _ text: String) -> [Action] {
        said.insert(name).inserted ? [.complain(text)] : []
    }
}
