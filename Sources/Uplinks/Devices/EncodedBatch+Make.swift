internal import Gzip
internal import Model
internal import Wire

extension EncodedBatch {
    /// Makes a batch of stored scans under a new id; compressed from 1 KiB up where `compress` is true.
    ///
    /// Off the caller's actor: compressing is the larger part of a batch's cost, and lanes do it side by side.
    @concurrent static func make(
        of scans: [[UInt8]], in lane: LaneID, compress: Bool, _ context: DeliveryContext
    ) async -> EncodedBatch {
        let now = context.time.now()
        let id = UUID(version7At: now.wallMs, random: (context.random(), context.random()))
        let trace = Batch.traceparent(
            unixMs: now.wallMs, random: (context.random(), context.random(), context.random()))
        let plain = Batch.encode(
            BatchHeader(
                batchID: id, gateway: context.gateway, site: context.site, sentAt: now, boot: context.time.bootID,
                clockErrorMs: context.clockErrorMs(), traceparent: trace), scans: scans)
        let isCompressed = compress && plain.count >= 1024
        return EncodedBatch(
            id: id, lane: lane, traceparent: trace, body: isCompressed ? Gzip.compress(plain) : plain,
            isCompressed: isCompressed, plainBytes: plain.count)
    }
}
