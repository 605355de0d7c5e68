/// The items of a report descriptor (HID 1.11, 6.2.2.2 and 6.2.2.3).
struct HIDItems {
    /// What an item is, with its tag.
    enum Kind: Equatable {
        case main(UInt8)
        case global(UInt8)
        case local(UInt8)
        /// Reserved for the future, and passed over.
        case long
    }

    /// One item; its data as a number, with and without sign, and how many bytes that had.
    struct Item: Equatable {
        var kind: Kind
        var value: UInt32 = 0
        var size = 0
    }

    private var rest: ArraySlice<UInt8>

    init(_ bytes: ArraySlice<UInt8>) { rest = bytes }

    /// The next item; nil at the end.
    mutating func next() throws(HIDReportDescriptor.Fault) -> Item? {
        guard let head = rest.popFirst() else { return nil }
        if head == 0xFE {
            guard let size = rest.popFirst(), rest.popFirst() != nil, rest.count >= Int(size) else { throw Self.cut }
            rest = rest.dropFirst(Int(size))
            return Item(kind: .long)
        }
        let size = head & 3 == 3 ? 4 : Int(head & 3)
        guard rest.count >= size else { throw Self.cut }
        var value: UInt32 = 0
        for byte in rest.prefix(size).reversed() { value = value << 8 | UInt32(byte) }
        rest = rest.dropFirst(size)
        let tag = head >> 4
        switch head >> 2 & 3 {
        case 0: return Item(kind: .main(tag), value: value, size: size)
        case 1: return Item(kind: .global(tag), value: value, size: size)
        case 2: return Item(kind: .local(tag), value: value, size: size)
        default: return Item(kind: .long)
        }
    }

    private static let cut = HIDReportDescriptor.Fault(description: "it ends in the middle of an item")
}

/// The items that stay in force: global ones until changed, local ones until the next main item (HID 1.11, 6.2.2.7, 8).
struct HIDItemState {
    /// The global items that matter here.
    struct Globals: Equatable {
        var page: UInt32 = 0
        var bits = 0
        var count = 0
        var report: UInt8 = 0
    }

    private static let mostUsages = 64
    /// The global items in force.
    var globals = Globals()
    private var usages: [UInt32] = []
    private var minimum: UInt32?

    /// Changes a global item.
    mutating func set(global tag: UInt8, _ item: HIDItems.Item) throws(HIDReportDescriptor.Fault) {
        switch tag {
        case 0: globals.page = item.value & 0xFFFF
        case 7:
            guard item.value <= 65_536 else { throw .init(description: "a value has more than 65536 bits") }
            globals.bits = Int(item.value)
        case 8:
            guard (1...255).contains(item.value) else { throw .init(description: "a report id that is not 1 to 255") }
            globals.report = UInt8(item.value)
        case 9:
            guard item.value <= 65_536 else { throw .init(description: "a field has more than 65536 values") }
            globals.count = Int(item.value)
        default: break
        }
    }

    /// Takes a local item. A usage of four bytes brings its page along.
    mutating func set(local tag: UInt8, _ item: HIDItems.Item) throws(HIDReportDescriptor.Fault) {
        let usage = item.size == 4 ? item.value : globals.page << 16 | item.value & 0xFFFF
        switch tag {
        case 0: if usages.count < Self.mostUsages { usages.append(usage) }
        case 1: minimum = usage
        case 2:
            guard let first = minimum else { return }
            minimum = nil
            guard first <= usage else { throw .init(description: "a range of usages ends before it begins") }
            usages += (first...usage).prefix(max(0, Self.mostUsages - usages.count))
        default: break
        }
    }

    /// The usages of the main item that is being read.
    mutating func takeUsages() -> [UInt32] {
        defer { (usages, minimum) = ([], nil) }
        return usages
    }
}
