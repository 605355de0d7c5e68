internal import FrameLink

extension FuzzTarget {
    /// What a decode worker says that a picture has taken over.
    static let report = FuzzTarget(name: "report") { bytes in
        var reader = ReportReader()
        _ = try? reader.take(WorkerReport.ready.message)
        reader.sent(.frame(FrameOrder(slot: 0, number: 1, content: .file, length: 1)))
        // Messages with their lengths before them.
        var rest = bytes[...]
        while rest.count >= 2, reader.isBusy {
            let length = Int(rest[rest.startIndex]) | Int(rest[rest.startIndex + 1]) << 8
            rest = rest.dropFirst(2)
            do { _ = try reader.take(Array(rest.prefix(length))) } catch { return }
            rest = rest.dropFirst(length)
        }
    }
}
