internal import Model

/// A scan that the backend refused alone (400, 415, 422), again and again.
struct Suspect: Equatable {
    var n: Int64
    var id: UUID
    var reason: String
}

/// Tells a poison scan from a fault in between: refused scans are rejected once another scan has passed, and put back
/// when eight in a row were refused with nothing passing between, or where nothing else comes that could pass. A state
/// machine; at most eight suspects at a time.
///
/// Nothing passed after a suspect that is put back, so that its lane's order holds. Of a lane with a batch under way
/// that is not known yet: its suspects stay out of the way until the answer.
struct PoisonWatch {
    static let limit = 8

    private(set) var suspects: [(lane: LaneID, suspect: Suspect)] = []

    // To be put back, or rejected, once their lane's batch is answered.
    private var undecided: [(lane: LaneID, suspect: Suspect)] = []

    /// Whether the lane's scan is out of its way for now.
    func isSuspect(_ n: Int64, in lane: LaneID) -> Bool {
        suspects.contains { $0.suspect.n == n && $0.lane == lane }
            || undecided.contains { $0.suspect.n == n && $0.lane == lane }
    }

    /// How many of the lane's scans are out of its way.
    func count(in lane: LaneID) -> Int {
        suspects.count { $0.lane == lane } + undecided.count { $0.lane == lane }
    }

    /// One more. True where that is too many: they are put back, and it is not the scans' fault.
    ///
    /// - Parameter underWay: the other lanes with a batch under way.
    mutating func add(_ suspect: Suspect, in lane: LaneID, underWay: Set<LaneID> = []) -> Bool {
        suspects.append((lane, suspect))
        guard suspects.count >= Self.limit else { return false }
        undecided += suspects.filter { underWay.contains($0.lane) }
        suspects = []
        return true
    }

    /// The lane's batch is answered: its suspects that were not put back then. Where it passed they are to be rejected,
    /// since it has overtaken them; else they are put back now.
    mutating func takeUndecided(in lane: LaneID) -> [(lane: LaneID, suspect: Suspect)] {
        let taken = undecided.filter { $0.lane == lane }
        undecided.removeAll { $0.lane == lane }
        return taken
    }

    /// The lane's suspects are to be asked about again, before what came later. Only while it has no batch under way.
    mutating func putBack(in lane: LaneID) { suspects.removeAll { $0.lane == lane } }

    /// Another batch has passed: the suspects are to be rejected.
    mutating func takeConfirmed() -> [(lane: LaneID, suspect: Suspect)] {
        let confirmed = suspects
        suspects = []
        return confirmed
    }
}
