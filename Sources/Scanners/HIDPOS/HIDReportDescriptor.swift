/// What a HID device's reports are made of (Device Class Definition for HID 1.11, 6.2.2): every data field of every
/// report, with its usages and its place.
///
/// The descriptor comes from the device, which may be hostile: at most 4096 bytes, 64 collections deep, 16 states kept,
/// 1024 fields, 64 usages a field; a report has at most 64 KiB. What goes beyond is a fault.
public struct HIDReportDescriptor: Sendable, Equatable {
    /// Which way a field goes.
    public enum Direction: Sendable, Hashable {
        case input, output, feature
    }

    /// A usage: page in the upper half, id in the lower.
    public typealias Usage = UInt32

    /// One Input, Output or Feature item: `count` values of `bits` bits each.
    public struct Field: Sendable, Equatable {
        /// Which way it goes.
        public var direction: Direction
        /// 0 where the device's reports have no ids.
        public var report: UInt8
        /// Where it begins, in bits after the id.
        public var offset: Int
        /// Of one value.
        public var bits: Int
        /// Values.
        public var count: Int
        /// Padding.
        public var isConstant: Bool
        /// Whether each value has a usage of its own; an array's values are numbers of usages.
        public var isVariable: Bool
        /// One for each value; the last stands for all that follow.
        public var usages: [Usage]
        /// The usages of the collections around it, outermost first.
        public var collections: [Usage]

        /// Where the value with a usage begins, in bits after the id; nil where no value has it.
        public func offset(of usage: Usage) -> Int? {
            guard let place = usages.firstIndex(of: usage), place < count else { return nil }
            return offset + place * bits
        }
    }

    /// What is wrong with a descriptor; a sentence for people.
    public struct Fault: Error, Sendable, Equatable, CustomStringConvertible {
        /// A sentence for people.
        public let description: String
    }

    /// All fields, in their order.
    public private(set) var fields: [Field] = []
    /// Whether reports begin with an id.
    public private(set) var hasReportIDs = false
    /// The usages of the outermost collections.
    public private(set) var applications: [Usage] = []
    private var sizes: [Place: Int] = [:]

    private struct Place: Hashable {
        let direction: Direction
        let report: UInt8
    }

    /// The bytes of a report without its id.
    public func size(of report: UInt8, _ direction: Direction) -> Int {
        ((sizes[Place(direction: direction, report: report)] ?? 0) + 7) / 8
    }

    /// Reads a descriptor.
    public init(_ bytes: some Collection<UInt8>) throws(Fault) {
        guard bytes.count <= 4096 else { throw Fault(description: "it has more than 4096 bytes") }
        var state = HIDItemState()
        var kept: [HIDItemState.Globals] = []
        var collections: [Usage] = []
        var items = HIDItems(Array(bytes)[...])
        while let item = try items.next() {
            switch item.kind {
            case .global(10) where kept.count < 16: kept.append(state.globals)
            case .global(10): throw Fault(description: "it keeps more than 16 states")
            case .global(11):
                guard let globals = kept.popLast() else { throw Fault(description: "a Pop without its Push") }
                state.globals = globals
            case .global(let tag):
                try state.set(global: tag, item)
                if tag == 8 { hasReportIDs = true }
            case .local(let tag): try state.set(local: tag, item)
            case .main(10):
                guard collections.count < 64 else { throw Fault(description: "collections are nested too deep") }
                let usage = state.takeUsages().first ?? 0
                if collections.isEmpty && item.value == 1 && applications.count < 64 { applications.append(usage) }
                collections.append(usage)
            case .main(12):
                guard collections.popLast() != nil else { throw Fault(description: "a collection ends twice") }
                _ = state.takeUsages()
            case .main(8): try add(.input, item.value, &state, collections)
            case .main(9): try add(.output, item.value, &state, collections)
            case .main(11): try add(.feature, item.value, &state, collections)
            case .main, .long: _ = state.takeUsages()
            }
        }
        guard collections.isEmpty else { throw Fault(description: "a collection does not end") }
    }

    private mutating func add(
        _ direction: Direction, _ flags: UInt32, _ state: inout HIDItemState, _ collections: [Usage]
    ) throws(Fault) {
        let usages = state.takeUsages()
        let globals = state.globals
        // The largest product is 64 Ki times 64 Ki: no overflow.
        let size = globals.bits * globals.count
        let place = Place(direction: direction, report: globals.report)
        let offset = sizes[place] ?? 0
        guard size > 0 else { return }
        guard size <= 65_536 * 8 - offset else { throw Fault(description: "a report has more than 64 KiB") }
        guard fields.count < 1024 else { throw Fault(description: "it has more than 1024 fields") }
        sizes[place] = offset + size
        fields.append(
            Field(
                direction: direction, report: globals.report, offset: offset, bits: globals.bits,
                count: globals.count, isConstant: flags & 1 != 0, isVariable: flags & 2 != 0, usages: usages,
                collections: collections))
    }
}
