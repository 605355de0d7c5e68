/// Whether something moves through the picture, and whether a label was read on it.
///
/// It knows only that frames differ: two objects with less than `rest` frames between them are one passage, and an object
/// without a label that stops in the picture is told when it stops, and again when it goes.
struct BeltMotion {
    /// Frames that must differ in one passage: a light that is switched on makes one frame differ, the camera's own
    /// adjustment to it two or three.
    static let least = 5
    /// Frames without a difference after which what moved has left.
    static let rest = 5

    private var first: Int?
    private var last = 0
    private var moving = 0
    private var resting = 0
    private var isRead = false

    /// Whether something moves, or has just stopped, and no label was read on it.
    var isWithoutLabel: Bool { first != nil && !isRead }

    /// Takes the next frame; the passage that has ended with it without a label, if any.
    ///
    /// - Parameter wasInSight: whether a label was in sight in the frame before: what begins to move may be its object.
    mutating func frame(
        _ number: Int, changed: Bool, reads: Bool, wasInSight: Bool
    ) -> (first: Int, last: Int)? {
        if changed {
            if first == nil { (first, moving, isRead) = (number, 0, wasInSight) }
            (last, resting) = (number, 0)
            moving += 1
        }
        guard let first else { return nil }
        isRead = isRead || reads
        guard !changed else { return nil }
        resting += 1
        guard resting >= Self.rest else { return nil }
        self.first = nil
        return moving >= Self.least && !isRead ? (first, last) : nil
    }
}
