internal import Identity
internal import JSON
internal import Model
internal import Scanners

extension Administrator {
    /// The next picture of a camera that is read, as luma and with what was read in it:
    /// `{"width","height","luma","codes":[{"data","symbology","corners","part"}],"searched","rate","us"}`, bytes as
    /// base64url. Luma, since a file would be one more thing to parse that a stranger has made.
    func cameraPicture(_ arguments: CommandArguments) async throws -> [UInt8] {
        let device = try registry.device(try arguments.name(DeviceID.self, "name"))
        guard device.kind == .camera else {
            throw CommandError("\(device.name) is no camera", hint: "see: scangate camera list", exit: .usage)
        }
        let notRead = CommandError(
            "camera \(device.name) is not read now", hint: "see: scangate device show \(device.name)")
        guard let scanners else { throw notRead }
        switch await scanners.picture(of: device.name, within: .seconds(5)) {
        case .picture(let picture): return Self.json(picture)
        case .none:
            throw CommandError(
                "camera \(device.name) gave no picture within 5 s", hint: "see: scangate device show \(device.name)")
        case .busy:
            throw CommandError("too many wait for a picture of \(device.name) already", hint: "try again in a moment")
        case .notRead: throw notRead
        }
    }

    private static func json(_ picture: CameraLook.Picture) -> [UInt8] {
        var json = JSONWriter(reserving: Base64URL.count(of: picture.luma.count) + 4096)
        json.object {
            $0.member("width", picture.width)
            $0.member("height", picture.height)
            $0.member("searched", picture.isSearched)
            $0.key("rate")
            $0.value(.real(picture.rate))
            $0.member("us", picture.microseconds)
            $0.key("codes")
            $0.array {
                for code in picture.codes {
                    $0.object {
                        $0.member("data", Base64URL.encode(code.bytes))
                        $0.member("symbology", code.symbology.rawValue)
                        $0.key("corners")
                        $0.value(.array(code.corners.map { .array([.integer(Int64($0.x)), .integer(Int64($0.y))]) }))
                        $0.key("part")
                        if let part = code.part {
                            $0.value(.array([.integer(Int64(part.index)), .integer(Int64(part.count))]))
                        } else {
                            $0.null()
                        }
                    }
                }
            }
            $0.member("luma", Base64URL.encode(picture.luma))
        }
        return json.bytes
    }
}
