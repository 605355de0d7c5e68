internal import Model

/// A camera's labels on their way to stable storage: in their order, one at a time, each again until it is stored or
/// refused for what it is.
///
/// A worker who hears the error signal scans again; what a camera saw is gone from the belt by then. And a bag whose
/// label could not be stored must not have its children stored meanwhile, which would be the bag's before.
///
/// Bound: `most` labels wait; one that comes while they do is dropped, and counted as `unstored`. It may have been a bag's:
/// the gap keeps its place in the queue, so that it is told of behind the labels before it, which have their bag. They are
/// in memory only: what waits when the camera or the daemon goes is counted and named. It is not offered when the camera is back: by
/// then others may have scanned another bag at its lane, which the label would be stored for.
struct LabelQueue {
    /// Labels that wait at most: some minutes of a busy belt.
    static let most = 256
    /// How long after a refusal for now the label is offered again.
    static let pause: Duration = .seconds(1)

    private enum Entry {
        case label([UInt8], Symbology)
        /// Two never follow each other: there are at most as many as labels.
        case missed(String)
    }

    private var entries: [Entry] = []
    private var labels = 0
    private var isOffered = false

    /// How long to wait before `retry`; nil where nothing waits for that.
    var patience: Duration? { isOffered || entries.isEmpty ? nil : Self.pause }

    /// Takes a label in.
    mutating func push(_ bytes: [UInt8], _ symbology: Symbology) -> [ScannerOutput] {
        guard labels < Self.most else {
            return [.dropped(.unstored)] + missed("labels were lost, because the gateway could not store them in time")
        }
        entries.append(.label(bytes, symbology))
        labels += 1
        // Behind one that waits for its second chance.
        return entries.count == 1 ? offer() : []
    }

    /// Labels may be missing here.
    mutating func missed(_ what: String) -> [ScannerOutput] {
        switch entries.last {
        case nil: return [.missed(what)]
        case .missed: break
        case .label: entries.append(.missed(what))
        }
        return []
    }

    /// What became of the label that was offered last.
    mutating func settled(_ acknowledgement: Acknowledgement) -> [ScannerOutput] {
        guard isOffered else { return [] }
        isOffered = false
        if case .notNow = acknowledgement { return [] }
        entries.removeFirst()
        labels -= 1
        return offer()
    }

    /// Offers what waits again.
    mutating func retry() -> [ScannerOutput] { isOffered ? [] : offer() }

    /// The camera is gone.
    mutating func end() -> [ScannerOutput] {
        // What becomes of one that is on its way to the disk comes to the port: see `ConversingDriver.lostWhenLate`.
        let waiting = entries.dropFirst(isOffered ? 1 : 0).compactMap { entry -> [UInt8]? in
            if case .label(let bytes, _) = entry { bytes } else { nil }
        }
        (entries, labels, isOffered) = ([], 0, false)
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
        var out: [ScannerOutput] = []
        while let first = entries.first {
            switch first {
            case .label(let bytes, let symbology):
                isOffered = true
                return out + [.scan(bytes: bytes, symbology: symbology)]
            case .missed(let what):
                out.append(.missed(what))
                entries.removeFirst()
            }
        }
        return out
    }
}
