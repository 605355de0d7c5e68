internal import Model
internal import Posix

/// A keyboard's three lights, as what an operator is told.
///
/// | signal | lights |
/// | --- | --- |
/// | stored | ScrollLock once, 0.4 s |
/// | stored-offline | ScrollLock twice, 0.15 s each |
/// | duplicate | CapsLock once, 0.4 s |
/// | refused | CapsLock four times, 0.15 s each |
/// | bag-complete | CapsLock and ScrollLock together, 1 s |
///
/// Between signals only NumLock is lit, which is how the decoder reads the keypad. A scanner that turns its letters round
/// while the CapsLock light is on must not be told by lights.
enum KeyboardLights {
    private static let num: UInt16 = 0
    private static let caps: UInt16 = 1
    private static let scroll: UInt16 = 2

    /// The bytes that light these, and no other.
    private static func write(_ lit: Set<UInt16>) -> [UInt8] {
        [num, caps, scroll].flatMap {
            InputEvent(time: 0, type: InputEvent.light, code: $0, value: lit.contains($0) ? 1 : 0).bytes
        }
            + InputEvent(
                time: 0, type: InputEvent.synchronization, code: InputEvent.report, value: 0
            ).bytes
    }

    /// How the lights are between signals: as the decoder's locks.
    static func rest(capsLock: Bool) -> [UInt8] { write(capsLock ? [num, caps] : [num]) }

    /// The signals.
    static func answers(capsLock: Bool) -> [Signal: Answer] {
        let rest = rest(capsLock: capsLock)
        func blink(_ lit: Set<UInt16>, times: Int, _ milliseconds: Int64) -> Answer {
            let pause = Duration.milliseconds(milliseconds)
            return Answer((0..<times).flatMap { _ in [.init(write(lit), pause: pause), .init(rest, pause: pause)] })
        }
        return [
            .stored: blink([num, scroll], times: 1, 400), .storedOffline: blink([num, scroll], times: 2, 150),
            .duplicate: blink(capsLock ? [num] : [num, caps], times: 1, 400),
            .refused: blink(capsLock ? [num] : [num, caps], times: 4, 150),
            .bagComplete: blink(capsLock ? [num, scroll] : [num, caps, scroll], times: 1, 1000),
        ]
    }
}
