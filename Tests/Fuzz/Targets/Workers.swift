internal import FrameLink

extension FuzzTarget {
    /// What a decode worker says that a picture has taken over: messages, each with its length before it.
    static let report = FuzzTarget(
        "report",
        raw: { bytes in
            var reader = ReportReader()
            _ = try? reader.take(WorkerReport.ready.message)
            reader.sent(.frame(FrameOrder(slot: 0, number: 1, content: .file, length: 1)))
            var rest = bytes[...]
            while rest.count >= 2, reader.isBusy {
                let length = Int(rest[rest.startIndex]) | Int(rest[rest.startIndex + 1]) << 8
                rest = rest.dropFirst(2)
                let message = Array(rest.prefix(length))
                rest = rest.dropFirst(length)
                switch WorkerReport(message) {
                // Sentences of bytes that are no text are mended on the way.
                case nil, .unfit, .unreadable: break
                case let report?: try require(WorkerReport(report.message) == report, "not read as it was written")
                }
                let answer: ReportReader.Answer?
                do { answer = try reader.take(message) } catch { return }
                if case .frame(let result)? = answer {
                    try require(result.number == 1, "an answer for a frame that nobody has asked about")
                    try require(result.codes.count <= FrameResult.maxCodes, "more codes than a frame has")
                    for code in result.codes {
                        try require((1...FrameCode.maxBytes).contains(code.bytes.count), "a code out of bounds")
                    }
                }
            }
        })
}
