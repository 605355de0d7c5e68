internal import FrameLink
internal import Model
internal import Posix

/// What a capture thread tells its driver, a message of at most 960 bytes each.
enum CameraRecord: Equatable {
    /// Frames come and are decoded.
    case connected
    /// A label, or the first or a middle piece of one.
    case label([UInt8], Symbology, isLast: Bool)
    /// Something was seen that is no scan.
    case dropped(ScannerEvent.DropReason)
    /// A sentence for the admin.
    case complaint(String)
    /// Labels may be missing here; a sentence.
    case missed(String)
    /// The last message: why nothing comes any more.
    case failed(String)

    /// What `ScannerPort` reads at once.
    static let limit = 960

    /// A label in as many records as it needs.
    static func label(_ bytes: [UInt8], _ symbology: Symbology) -> [CameraRecord] {
        let piece = limit - 3
        return stride(from: 0, to: bytes.count, by: piece).map { start in
            .label(Array(bytes[start...].prefix(piece)), symbology, isLast: start + piece >= bytes.count)
        }
    }

    var message: [UInt8] {
        switch self {
        case .connected: [1]
        case .label(let bytes, let symbology, let isLast):
            [2, isLast ? 1 : 0, UInt8(Symbology.allCases.firstIndex(of: symbology) ?? 0)] + bytes
        case .dropped(let reason):
            [3, UInt8(ScannerEvent.DropReason.allCases.firstIndex(of: reason) ?? 0)]
        case .complaint(let text): [4] + text.utf8.prefix(Self.limit - 1)
        case .failed(let text): [5] + text.utf8.prefix(Self.limit - 1)
        case .missed(let text): [6] + text.utf8.prefix(Self.limit - 1)
        }
    }

    init?(_ message: ArraySlice<UInt8>) {
        var rest = message
        switch rest.popFirst() {
        case 1: self = .connected
        case 2:
            guard let isLast = rest.popFirst(), let symbology = rest.popFirst(),
                Int(symbology) < Symbology.allCases.count
            else { return nil }
            self = .label(Array(rest), Symbology.allCases[Int(symbology)], isLast: isLast == 1)
        case 3:
            guard let reason = rest.popFirst(), Int(reason) < ScannerEvent.DropReason.allCases.count else { return nil }
            self = .dropped(ScannerEvent.DropReason.allCases[Int(reason)])
        case 4: self = .complaint(String(decoding: rest, as: UTF8.self))
        case 5: self = .failed(String(decoding: rest, as: UTF8.self))
        case 6: self = .missed(String(decoding: rest, as: UTF8.self))
        default: return nil
        }
    }
}

/// Sends a capture thread's records without waiting for the driver. One thread.
///
/// Bounds: the socket's buffer, then `waiting` records here. A label that finds no room is lost, counted and complained of
/// as soon as there is room again, and in its place stands that something is missing: a gateway that takes no labels for so
/// long is in trouble of its own.
struct RecordSender {
    /// Records that wait here at most.
    static let waiting = 256

    let socket: MessageSocket
    private var queue: [CameraRecord] = []
    private(set) var lost = 0
    /// Whether the driver is gone.
    private(set) var isClosed = false

    init(_ socket: MessageSocket) { self.socket = socket }

    /// Whether there is something that waits for room.
    var isWaiting: Bool { !queue.isEmpty || lost > 0 }

    mutating func send(_ record: CameraRecord) { send([record]) }

    /// Sends records that belong together, all or none.
    mutating func send(_ records: [CameraRecord]) {
        flush()
        guard queue.count + records.count <= Self.waiting else {
            lost += 1
            // Between labels, two never follow each other: at most as many as those.
            if case .missed = queue.last { return }
            queue.append(.missed("labels were lost, because the gateway did not take them in time"))
            return
        }
        queue += records
        flush()
    }

    /// The driver is gone.
    mutating func close() {
        isClosed = true
        queue = []
    }

    /// Sends what waits, as far as there is room.
    mutating func flush() {
        while let next = queue.first {
            switch socket.send(next.message) {
            case .taken: queue.removeFirst()
            case .full: return
            case .closed:
                return close()
            }
        }
        guard lost > 0 else { return }
        let text = "\(lost) labels or events were lost: the gateway did not take them in time"
        if socket.send(CameraRecord.complaint(text).message) == .taken { lost = 0 }
    }
}
