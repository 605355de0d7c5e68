internal import CameraView
internal import Imaging
internal import JSON
internal import Model
internal import Scanners

/// What `snapshot` and `tune` say of a picture.
struct CameraReport {
    private let picture: CameraLook.Picture
    private let figures: PictureFigures
    private let camera: String
    /// What to change, the most important first; never empty.
    let advice: [String]

    init(_ picture: CameraLook.Picture, _ image: LumaImage, camera: String) {
        (self.picture, self.camera) = (picture, camera)
        figures = PictureFigures(of: image.view, codes: picture.codes.map(\.places))
        advice = TuningAdvice.sentences(figures)
    }

    /// `, sharpness 46`; nothing where it cannot be measured.
    var sharpness: String { figures.sharpness.map { ", sharpness \($0)" } ?? "" }

    /// All figures in a line.
    var line: String {
        let codes = picture.codes.count
        let parts = [
            "sharpness \(figures.sharpness.map(String.init) ?? "-")", "mean \(figures.mean)",
            "black \(figures.black) %", "white \(figures.white) %", "\(TuningAdvice.tenths(picture.rate)) frames/s",
            codes == 1 ? "1 code" : "\(codes) codes",
        ]
        return parts.reduce("") { $0 + "  " + $1 }
    }

    /// A line a code.
    var codeLines: [String] {
        zip(picture.codes, figures.modules).map { code, module in
            let text = String(validating: code.bytes, as: UTF8.self).map { Safe.text($0, limit: 200) }
            let part = code.part.map { "  part \($0.index + 1) of \($0.count): not read as a label" } ?? ""
            let size = module.map { "  \(TuningAdvice.tenths($0)) pixels a module" } ?? ""
            return (text ?? "base64url:" + Base64URL.encode(code.bytes)) + "  \(code.symbology.rawValue)\(size)\(part)"
        }
    }

    /// The same for programs:
    /// `{"camera","width","height","rate","mean","black","white","sharpness","edges":{"rows","columns"},"codes":[…],"advice"}`,
    /// members that cannot be measured null; with `file` where a picture was written.
    func json(file: String? = nil) -> JSONValue {
        var members: [(key: String, value: JSONValue)] = [("camera", .string(camera))]
        if let file { members.append(("file", .string(file))) }
        members += [
            ("width", .integer(Int64(picture.width))), ("height", .integer(Int64(picture.height))),
            ("rate", .real(Self.rounded(picture.rate))), ("mean", .integer(Int64(figures.mean))),
            ("black", .integer(Int64(figures.black))), ("white", .integer(Int64(figures.white))),
            ("sharpness", figures.sharpness.map { .integer(Int64($0)) } ?? .null),
            (
                "edges",
                figures.edges.map {
                    .object([
                        ("rows", .real(Self.rounded($0.alongRows))), ("columns", .real(Self.rounded($0.alongColumns))),
                    ])
                } ?? .null
            ),
            ("codes", .array(zip(picture.codes, figures.modules).map { Self.json($0, $1) })),
            ("advice", .array(advice.map { .string($0) })),
        ]
        return .object(members)
    }

    private static func json(_ code: CameraLook.Code, _ module: Double?) -> JSONValue {
        let text = String(validating: code.bytes, as: UTF8.self)
        var members: [(key: String, value: JSONValue)] = [
            text.map { ("text", .string($0)) } ?? ("data_b64", .string(Base64URL.encode(code.bytes))),
            ("symbology", .string(code.symbology.rawValue)),
            ("pixels_per_module", module.map { .real(rounded($0)) } ?? .null),
            (
                "corners",
                .array(code.corners.map { .array([.integer(Int64($0.x)), .integer(Int64($0.y))]) })
            ),
        ]
        if let part = code.part {
            members.append(
                (
                    "part",
                    .object([("index", .integer(Int64(part.index))), ("count", .integer(Int64(part.count)))])
                ))
        }
        return .object(members)
    }

    private static func rounded(_ value: Double) -> Double { (value * 10).rounded() / 10 }
}
