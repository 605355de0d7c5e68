internal import JSON
internal import Model

/// A batch in which some object names a key twice: the parser refuses the whole text, the contract only that scan.
extension ReceivedBatch {
    /// Reads a body that the parser refused, scan by scan; nil where more is wrong than keys named twice in a scan.
    static func decodeRepeated(_ body: [UInt8]) -> ReceivedBatch? {
        // The rest must be beyond doubt: a header that names a key twice is no batch.
        guard let scans = scansArray(body), (try? JSONValue.parse(scans.header)) != nil,
            let header = try? decode(scans.header)
        else { return nil }
        var read: [(id: String, scan: Result<ReceivedScan, WireError>)] = []
        for range in scans.elements {
            let bytes = Array(body[range])
            do {
                let value = try JSONValue.parse(bytes)
                let scan = Result { () throws(WireError) in try WireScan.decode(value, gateway: header.gateway) }
                read.append((value["id"]?.string ?? "", scan))
            } catch {
                guard error.isRepeatedKey else { return nil }
                // Only an id in its usual place is beyond doubt.
                read.append(
                    (WireScan.id(of: bytes)?.description ?? "", .failure(WireError("scan", "names a key twice"))))
            }
        }
        return ReceivedBatch(batchID: header.batchID, gateway: header.gateway, sentAt: header.sentAt, scans: read)
    }

    /// The elements of the member `scans` of the outermost object, and the body without them.
    private static func scansArray(_ body: [UInt8]) -> (elements: [Range<Int>], header: [UInt8])? {
        let name = Array("\"scans\"".utf8)
        var depth = 0
        var start: Int?
        var element: Int?
        var elements: [Range<Int>] = []
        var index = 0
        while index < body.count {
            switch body[index] {
            case UInt8(ascii: "\""):
                let end = endOfString(body, from: index)
                let isKey = body[end...].first { ![9, 10, 13, 32].contains($0) } == UInt8(ascii: ":")
                if depth == 1, start == nil, isKey, body[index..<end].elementsEqual(name) { start = index }
                index = end
                continue
            case UInt8(ascii: "{"), UInt8(ascii: "["):
                if start != nil, depth == 2, element == nil { element = index }
                depth += 1
            case UInt8(ascii: "}"), UInt8(ascii: "]"):
                depth -= 1
                if let begin = element, depth == 2 {
                    elements.append(begin..<(index + 1))
                    element = nil
                }
                if let begin = start, depth == 1 {
                    return (elements, body[..<begin] + Array("\"scans\":[]".utf8) + body[(index + 1)...])
                }
            default: break
            }
            index += 1
        }
        return nil
    }

    private static func endOfString(_ body: [UInt8], from start: Int) -> Int {
        var index = start + 1
        while index < body.count, body[index] != UInt8(ascii: "\"") {
            index += body[index] == UInt8(ascii: "\\") ? 2 : 1
        }
        return min(index + 1, body.count)
    }
}
