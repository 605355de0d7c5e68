internal import Database
internal import Posix

/// What the spool does on a filesystem without a free byte: it takes no scan, and goes on settling those that it has.
extension Spool {
    /// Has it keep a ballast from now on, and lays that down where there is room. An existing one that is not whole counts
    /// from the start: see `room`.
    public func keepBallast() {
        keepsBallast = true
        switch ballast.layDown() {
        case .whole: return
        case .failed(let why): warnOfBallast(why)
        case .noRoom: break
        }
        guard isOnBallast else { return }
        // At once: who filled the disk may take the rest of what was given up, and the file has to grow for it.
        try? foldOnBallast()
    }

    /// The filesystem was full, and has not got the room back that was given up for what waits.
    public var isOnBallast: Bool { ballast.missing > 0 }

    /// To be called before `reopen` where a commit found the filesystem full. A first step of it ends the scans, that they
    /// take nothing of it; others are for commits that are larger than the WAL.
    public func startOnBallast() { if ballast.missing == 0 || hasFolded { _ = ballast.giveUp() } }

    /// Folds the WAL in after the filesystem was full, so that commits write it from its beginning again, over blocks that it
    /// has: verdicts then take no room, for however long they come. What the file itself grows by comes out of the ballast.
    public func foldOnBallast() throws(SpoolError) {
        while true {
            do {
                try connection.checkpoint()
                return hasFolded = true
            } catch {
                // The reading side folds it in just now: a commit that finds no room after that comes here again.
                if error.kind == .busy { return }
                guard error.kind == .full, ballast.giveUp() else { throw SpoolError(error) }
            }
        }
    }

    func roomOnBallast() throws(SpoolError) {
        guard ballast.missing > 0 else { return hasWarnedOfBallast = false }
        switch ballast.layDown() {
        case .whole: return
        case .failed(let why):
            // Or scans would be refused for ever beside gigabytes. A commit that finds it full still refuses.
            return warnOfBallast(why)
        case .noRoom: break
        }
        throw SpoolError(
            .full,
            "the filesystem of \(path) was full: what waits is sent with room that was kept for it, and scans are taken again "
                + "once \((ballast.wanted >> 20) + 1) MiB are free",
            hint: "free room there; scanning goes on by itself")
    }

    private func warnOfBallast(_ why: String) {
        if !hasWarnedOfBallast {
            Log.warning("\(why): the ballast that lets a full disk start is not whole; scans are taken all the same")
        }
        hasWarnedOfBallast = true
    }
}
