/// How soon a node is opened again that closed by itself: at once as a rule, since it may be back already, its event
/// having come before the end of the old one was read. One that opens and ends again and again is not worth a log line
/// each 200 ms.
struct RetryPause {
    private static let pauses: [Duration] = [.milliseconds(200), .seconds(1), .seconds(10)]
    private var place = 0

    /// After an opening that lasted so long.
    mutating func next(after lasted: Duration) -> Duration {
        place = lasted < .seconds(2) ? min(place + 1, Self.pauses.count) : 1
        return Self.pauses[place - 1]
    }
}
