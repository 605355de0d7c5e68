internal import Gateway
internal import Glibc
internal import JSON
internal import Model
internal import Posix
internal import Scanners

/// Where a command's pictures come from: a camera that it has opened, or the daemon that reads it.
protocol PictureSource {
    /// Whether the camera has been running: it has adjusted itself to the light, and the next picture is as good as any.
    var isWarm: Bool { get }

    /// The next picture, or nil where `stop` became readable; a descriptor, or -1.
    func next(stop: Int32) throws(CameraLook.Fault) -> CameraLook.Picture?
}

extension PictureSource {
    /// The next picture.
    func next() throws(CameraLook.Fault) -> CameraLook.Picture? { try next(stop: -1) }
}

extension CameraLook: PictureSource {
    var isWarm: Bool { false }
}

/// Pictures of a camera that the daemon reads, asked for one by one, at most five a second: each costs the daemon a copy of
/// it, and labels are read in between as always. One thread, which it blocks.
final class DaemonLook: PictureSource {
    private static let pace: Int64 = 200_000

    private let session: CommandSession
    private let device: String
    private var due: Int64 = 0

    init(_ session: CommandSession, device: String) { (self.session, self.device) = (session, device) }

    var isWarm: Bool { true }

    func next(stop: Int32) throws(CameraLook.Fault) -> CameraLook.Picture? {
        let wait = max(0, due - SystemClock.bootMicroseconds)
        var file = pollfd(fd: stop, events: Int16(POLLIN), revents: 0)
        if poll(&file, 1, Int32((wait + 999) / 1000)) > 0, file.revents != 0 { return nil }
        due = SystemClock.bootMicroseconds + Self.pace
        let reply: JSONValue
        do throws(CommandError) {
            reply = try session.ask(ControlRequest("camera picture", [("name", .string(device))]))
        } catch { throw CameraLook.Fault(description: error.description, isBusy: false) }
        guard let picture = CameraLook.Picture(reply) else {
            throw CameraLook.Fault(
                description: "the daemon's picture is not readable; are CLI and daemon of the same version?",
                isBusy: false)
        }
        return picture
    }
}

extension CameraLook.Picture {
    /// What the daemon answers to `camera picture`; nil for rubbish.
    init?(_ reply: JSONValue) {
        guard let width = reply["width"]?.integer, let height = reply["height"]?.integer,
            let luma = reply["luma"]?.string.flatMap({ Base64URL.decode($0) }), width > 0, height > 0,
            width <= 1 << 14, height <= 1 << 14, Int64(luma.count) == width * height
        else { return nil }
        self.init(
            width: Int(width), height: Int(height), luma: luma,
            codes: reply.list("codes").compactMap { CameraLook.Code($0) },
            isSearched: reply["searched"]?.bool ?? false, rate: reply["rate"]?.number ?? 0,
            microseconds: Int(reply["us"]?.integer ?? 0))
    }
}

extension JSONValue {
    fileprivate var number: Double? {
        if case .real(let number) = self { number } else { integer.map { Double($0) } }
    }
}

extension CameraLook.Code {
    fileprivate init?(_ code: JSONValue) {
        guard let bytes = code["data"]?.string.flatMap({ Base64URL.decode($0) }),
            let symbology = code["symbology"]?.string.flatMap({ Symbology(rawValue: $0) })
        else { return nil }
        let corners = code.list("corners").compactMap { corner -> PicturePoint? in
            guard let x = corner.array?.first?.integer, let y = corner.array?.last?.integer else { return nil }
            return PicturePoint(x: Int(x), y: Int(y))
        }
        let part = code.list("part").compactMap { $0.integer.map { Int($0) } }
        self.init(
            bytes: bytes, symbology: symbology, corners: corners,
            part: part.count == 2 ? CodePart(index: part[0], count: part[1]) : nil)
    }
}
