internal import Model

/// How the five signals sound and look on a Zebra scanner: a beep, and flashes of the LED that most models have (bit 0).
enum SSIFeedback {

    /// The commands of a signal. The beep codes 0 to 4 are one to five short high beeps, 5 to 9 as many low ones.
    static func commands(_ signal: Signal) -> [SSICommands.Command] {
        switch signal {
        case .stored: [beep(0)] + flashes(1, 100)
        case .storedOffline: [beep(5)] + flashes(1, 800)
        case .duplicate: [beep(1)] + flashes(2, 100)
        case .bagComplete: [beep(2)] + flashes(3, 100)
        case .refused: [beep(9)] + flashes(2, 400)
        }
    }

    /// The commands of a configured answer: bytes as they are.
    static func commands(_ answer: Answer) -> [SSICommands.Command] {
        answer.steps.filter { !$0.bytes.isEmpty }.map {
            SSICommands.Command(bytes: $0.bytes, pause: $0.pause, isFeedback: true)
        }
    }

    private static func beep(_ code: UInt8) -> SSICommands.Command {
        SSICommands.Command(bytes: SSIPacket(SSIPacket.Opcode.beep, [code]).bytes, name: "BEEP", isFeedback: true)
    }

    private static func flashes(_ count: Int, _ milliseconds: Int) -> [SSICommands.Command] {
        let pause = Duration.milliseconds(milliseconds)
        let on = SSIPacket(SSIPacket.Opcode.ledOn, [1]).bytes
        let off = SSIPacket(SSIPacket.Opcode.ledOff, [1]).bytes
        return (0..<count).flatMap { _ in
            [
                SSICommands.Command(bytes: on, name: "LED_ON", pause: pause, isFeedback: true),
                SSICommands.Command(bytes: off, name: "LED_OFF", pause: pause, isFeedback: true),
            ]
        }
    }
}
