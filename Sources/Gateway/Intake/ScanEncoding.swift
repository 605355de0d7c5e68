internal import Model
internal import Spool
internal import Synchronization
internal import Wire

/// How the scans of one device become bytes.
final class ScanSigner: Sendable {
    let template: ScanTemplate
    let sign: @Sendable ([UInt8]) -> [UInt8]

    init(_ template: ScanTemplate, sign: @escaping @Sendable ([UInt8]) -> [UInt8]) {
        self.template = template
        self.sign = sign
    }

    convenience init(_ device: AdmittedDevice, gateway: GatewayID, log: LogID, boot: String) {
        let template = ScanTemplate(
            gateway: gateway, device: device.name, kid: device.kid, log: log, lane: device.lane, boot: boot,
            algorithm: device.algorithm)
        self.init(template, sign: device.sign)
    }
}

/// The scans of one commit on their way to bytes: judged and numbered, to be signed and encoded block by block.
///
/// The intake's thread takes the blocks in their order and stores each before it takes the next; a block that is not
/// made yet it makes itself. From `worthHelp` scans on, a helper makes blocks ahead of it at the same time. What a
/// scan's bytes are depends on the scan alone, so it is all one who makes them.
final class ScanEncoding: Sendable {
    struct Item: Sendable {
        let draft: ScanDraft
        /// Its place among the signers.
        let signer: Int
    }

    /// From here on a second thread pays: waking it costs as much as a dozen scans.
    static let worthHelp = 128
    private static let blockSize = 32

    private enum Progress {
        case open
        case made(WireBlock)
        case taken
    }

    private final class Slot: Sendable {
        // Held while a block is made: whoever needs it just then waits until it is there.
        let progress = Mutex(Progress.open)
    }

    private let items: [Item]
    private let signers: [ScanSigner]
    private let slots: [Slot]

    init(_ items: [Item], _ signers: [ScanSigner]) {
        self.items = items
        self.signers = signers
        slots = (0..<(items.count + Self.blockSize - 1) / Self.blockSize).map { _ in Slot() }
        guard items.count >= Self.worthHelp else { return }
        // Unstructured: the commit does not wait for it, only for the blocks. It ends with them, or where they are all
        // taken, and changes nothing else; a commit that fails leaves it to bytes that nobody looks at.
        Task.detached { self.help() }
    }

    /// The scans of a block, in order; each block once, in their order.
    func block(_ index: Int) -> WireBlock {
        // The helper is about this very block: meanwhile a later one, for as long as there is one to make.
        var later = index
        while true {
            if let block = slots[index].progress.withLockIfAvailable({ take(index, &$0) }) { return block }
            later = slots[(later + 1)...].indices.first(where: make) ?? slots.count
            guard later < slots.count else { break }
        }
        return slots[index].progress.withLock { take(index, &$0) }
    }

    private func help() { for index in slots.indices.dropFirst() { make(index) } }

    // Makes a block that nobody has begun; whether there was anything to make. Never waits.
    @discardableResult
    private func make(_ index: Int) -> Bool {
        slots[index].progress.withLockIfAvailable { progress in
            guard case .open = progress else { return false }
            progress = .made(encode(index))
            return true
        } ?? false
    }

    private func take(_ index: Int, _ progress: inout Progress) -> WireBlock {
        let before = progress
        progress = .taken
        if case .made(let block) = before { return block }
        return encode(index)
    }

    private func encode(_ index: Int) -> WireBlock {
        let range = index * Self.blockSize..<min((index + 1) * Self.blockSize, items.count)
        var block = WireBlock()
        block.bytes.reserveCapacity(range.count * 640)
        block.ends.reserveCapacity(range.count)
        for place in range {
            let signer = signers[items[place].signer]
            signer.template.encode(items[place].draft, sign: signer.sign, to: &block.bytes)
            block.ends.append(block.bytes.count)
        }
        return block
    }
}
