internal import Model

/// A scan that the backend refused alone (400, 415, 422).
struct Suspect: Equatable {
    var n: Int64
    var id: UUID
    var reason: String
}

/// Tells a poison scan from a fault in between: refused scans are rejected once another scan has passed, and put back
/// when eight in a row were refused with nothing passing between. A state machine; at most eight suspects at a time.
///
/// Nothing passed after a suspect that is put back, so that its lane's order holds.
struct PoisonWatch {
    static let limit = 8

    private(set) var suspects: [(lane: LaneID, suspect: Suspect)] = []

    /// Whether the scan is out of its lane's way for now.
    func isSuspect(_ n: Int64) -> Bool { suspects.contains { $0.suspect.n == n } }

    /// How many of the lane's scans are out of its way.
    func count(in lane: LaneID) -> Int { suspects.count { $0.lane == lane } }

    /// One more. True where that is too many: they are put back, and it is not the scans' fault.
    mutating func add(_ suspect: Suspect, in lane: LaneID) -> Bool {
        suspects.append((lane, suspect))
        guard suspects.count >= Self.limit else { return false }
        suspects = []
        return true
    }

    /// Another batch has passed: the suspects are to be rejected.
    mutating func takeConfirmed() -> [(lane: LaneID, suspect: Suspect)] {
        let confirmed = suspects
        suspects = []
        return confirmed
    }
}
