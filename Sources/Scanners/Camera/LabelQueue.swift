internal import Model

/// A camera's labels on their way to stable storage: in their order, one at a time, each again until it is stored or
/// refused for what it is.
///
/// A worker who hears the error signal scans again; what a camera saw is gone from the belt by then. And a bag whose
/// label could not be stored must not have its children stored meanwhile, which would be the bag's before.
///
/// Bound: `most` labels wait; one that comes while they do is dropped, and counted as `unstored`. They are in memory
/// only: what waits when the camera or the daemon goes is counted and named. It is not offered when the camera is back: by
/// then others may have scanned another bag at its lane, which the label would be stored for.
struct LabelQueue {
    /// Labels that wait at most: some minutes of a busy belt.
    static let most = 256
    /// How long after a refusal for now the label is offered again.
    static let pause: Duration = .seconds(1)

    private var labels: [(bytes: [UInt8], symbology: Symbology)] = []
    private var isOffered = false

    /// How long to wait before `retry`; nil where nothing waits for that.
    var patience: Duration? { isOffered || labels.isEmpty ? nil : Self.pause }

    /// Takes a label in.
    mutating func push(_ bytes: [UInt8], _ symbology: Symbology) -> [ScannerOutput] {
        guard labels.count < Self.most else { return [.dropped(.unstored)] }
        labels.append((bytes, symbology))
        // Behind one that waits for its second chance.
        return labels.count == 1 ? offer() : []
    }

    /// What became of the label that was offered last.
    mutating func settled(_ acknowledgement: Acknowledgement) -> [ScannerOutput] {
        guard isOffered else { return [] }
        isOffered = false
        if case .notNow = acknowledgement { return [] }
        labels.removeFirst()
        return offer()
    }

    /// Offers what waits again.
    mutating func retry() -> [ScannerOutput] { isOffered ? [] : offer() }

    /// The camera is gone.
    mutating func end() -> [ScannerOutput] {
        // What becomes of one that is on its way to the disk comes to the port: see `ConversingDriver.lostWhenLate`.
        let waiting = labels.dropFirst(isOffered ? 1 : 0).map(\.bytes)
        (labels, isOffered) = ([], false)
        guard !waiting.isEmpty else { return [] }
        return Array(repeating: .dropped(.unstored), count: waiting.count) + [.complaint(Self.lost(waiting))]
    }

    /// A sentence that names labels which will not be stored, the first ten of them.
    private static func lost(_ labels: [[UInt8]]) -> String {
        let names = labels.prefix(10).map { Safe.text(String(decoding: $0, as: UTF8.self), limit: 60) }
        let more = labels.count > names.count ? " and \(labels.count - names.count) more" : ""
        return "labels that could not be stored are lost with the camera; scan them again: "
            + names.joined(separator: ", ") + more
    }

    private mutating func offer() -> [ScannerOutput] {
        guard let first = labels.first else { return [] }
        isOffered = true
        return [.scan(bytes: first.bytes, symbology: first.symbology)]
    }
}
