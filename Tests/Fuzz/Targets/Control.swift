internal import JSON

@testable internal import Gateway
@testable internal import Simulator

extension FuzzTarget {
    /// A line at the control socket, as a request and as a reply.
    static let control = FuzzTarget("control") { _, bytes in
        if let request = ControlRequest(line: bytes) {
            let line = request.encode()
            try require(line.last == 10 && !line.dropLast().contains(10), "a request of several lines")
            guard let again = ControlRequest(line: Array(line.dropLast())) else {
                throw FuzzFinding(description: "a request that is not read as it was written")
            }
            try require(again.command == request.command, "another command")
        }
        do throws(CommandError) {
            let value = try ControlReply.parse(bytes)
            var json = JSONWriter()
            json.value(value)
            let line = ControlReply.success(json.bytes)
            try? require(line.last == 10 && !line.dropLast().contains(10), "a reply of several lines")
        } catch {
            let line = ControlReply.failure(error)
            guard line.last == 10, !line.dropLast().contains(10) else {
                throw FuzzFinding(description: "a reply of several lines")
            }
            do throws(CommandError) { _ = try ControlReply.parse(Array(line.dropLast())) } catch let again {
                guard again == error else { throw FuzzFinding(description: "\(again) for \(error)") }
                return
            }
            throw FuzzFinding(description: "an error that became a result")
        }
    }

    /// What the reference backend reads of a request.
    static let form = FuzzTarget("form") { _, bytes in
        let fields = FormBody.parse(bytes)
        try require(fields.count <= bytes.count { $0 == UInt8(ascii: "&") } + 1, "more fields than were sent")
        let plain = bytes.filter { ![37, 38, 43, 61].contains($0) && $0 < 128 }
        try require(FormBody.decode(plain) == String(decoding: plain, as: UTF8.self), "another text")
    }
}
