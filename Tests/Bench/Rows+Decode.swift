internal import CBareLoop
internal import Decoding
internal import Glibc
internal import Imaging
internal import Pictures
internal import Posix
internal import Scenes

/// What a camera costs: pictures decoded by `CodeReader`, beside plain zbar (QR only, density 1) on the same pictures.
///
/// All times are CPU time of one thread.
enum DecodeRows {
    /// zbar on a picture: how many codes, and the first one's bytes.
    private static func bare(_ picture: LumaView) -> (count: Int, bytes: [UInt8]) {
        var bytes = [UInt8](repeating: 0, count: 8192)
        var size = 0
        let count = bare_zbar_read(
            picture.base, UInt32(picture.width), UInt32(picture.height), &bytes, bytes.count, &size)
        return (Int(count), Array(bytes[..<size]))
    }

    static func decode(_ bench: Bench) async throws -> Row {
        try await blocking {
            var row = Row(name: "decode", title: "pictures decoded on one thread, beside plain zbar")
            var reader = try CodeReader()
            try photographs(&reader, &row)
            for (width, height, module, fps) in [(1280, 720, 7.0, 120.0), (1920, 1080, 10.0, 60.0)] {
                try frames(&reader, &row, width: width, height: height, module: module, target: fps)
            }
            try crowd(&reader, &row)
            unchanged(&row)
            filters(&row)
            return row
        }
    }

    private struct Photograph {
        let picture: LumaImage
        let text: String?
    }

    /// Every N.png of a folder and the folders in it, with the text of N.txt beside it.
    private static func load(_ folder: String) throws -> [Photograph] {
        var photographs: [Photograph] = []
        for name in Files.names(in: folder) {
            let path = folder + "/" + name
            if Files.status(path)?.isDirectory == true {
                photographs += try load(path)
            } else if name.hasSuffix(".png") {
                let picture = LumaImage()
                try PictureFile.read(Files.read(path, limit: 64 << 20), into: picture)
                let text = try? Files.read(String(path.dropLast(4)) + ".txt")
                photographs.append(Photograph(picture: picture, text: text.map { String(decoding: $0, as: UTF8.self) }))
            }
        }
        return photographs
    }

    private static func photographs(_ reader: inout CodeReader, _ row: inout Row) throws {
        let given = getenv("SCANGATE_QR_PICTURES").map { String(cString: $0) }
        let all = try load(given ?? TestData.folder + "/qr")
        let withText = all.filter { $0.text != nil }
        var (ours, theirs, right, bareRight): ([Double], [Double], Int, Int) = ([], [], 0, 0)
        for photograph in withText {
            var (codes, first): ([DecodedCode], [UInt8]) = ([], [])
            theirs.append(Bare.cpu { first = bare(photograph.picture.view).bytes } * 1000)
            ours.append(
                try Bare.cpu { codes = try reader.read(photograph.picture.view, effort: .still) } * 1000)
            if codes.contains(where: { $0.text == photograph.text }) { right += 1 }
            if String(validating: first, as: UTF8.self) == photograph.text { bareRight += 1 }
        }
        var (read, wrong) = (0, 0)
        for photograph in all where photograph.text == nil {
            read += 1
            wrong += try reader.read(photograph.picture.view, effort: .still).isEmpty ? 0 : 1
        }
        let count = max(1, withText.count)
        row.add(
            "right texts of \(withText.count)", "", Double(right), bare: Double(bareRight),
            target: given == nil ? ">= 112" : "", met: given == nil ? right >= 112 : nil)
        let (mean, bareMean) = (ours.reduce(0, +) / Double(count), theirs.reduce(0, +) / Double(count))
        row.add("a picture, mean", "ms", mean, bare: bareMean, target: "<= bare", met: mean <= bareMean)
        row.add("a picture, median", "ms", Order.median(ours), bare: Order.median(theirs))
        row.notes.append("\(read) pictures without a text beside them, \(wrong) of which show a code")
    }

    private static func frames(
        _ reader: inout CodeReader, _ row: inout Row, width: Int, height: Int, module: Double, target: Double
    ) throws {
        for sigma in [4.0, 8] {
            var (ours, theirs, right, bareRight): ([Double], [Double], Int, Int) = ([], [], 0, 0)
            for index in 1...20 {
                let name = index < 10 ? "label-0\(index)" : "label-\(index)"
                let text = TestData.text("labels/\(name).txt")
                var scene = Scene(width: width, height: height)
                try scene.place(
                    name, x: width / 2 + (index - 10) * 12, y: height / 2 + (index % 7 - 3) * 10, module: module,
                    angle: Double(index) * 0.7)
                scene.blur(1)
                scene.roughen(sigma, seed: UInt64(index))
                var (codes, first): ([DecodedCode], [UInt8]) = ([], [])
                ours.append(try Bare.cpu { codes = try reader.read(scene.picture.view, effort: .frame(index)) })
                theirs.append(Bare.cpu { first = bare(scene.picture.view).bytes })
                if codes.map(\.text) == [text] { right += 1 }
                if first == Array(text.utf8) { bareRight += 1 }
            }
            let (mine, bares) = (20 / ours.reduce(0, +), 20 / theirs.reduce(0, +))
            row.add(
                "frames of \(height) lines with a label, noise \(Int(sigma))", "/s", mine, bare: bares,
                target: ">= \(Int(target))", met: mine >= target)
            row.add("labels read of 20", "", Double(right), bare: Double(bareRight), target: ">= 19", met: right >= 19)
        }
    }

    private static func crowd(_ reader: inout CodeReader, _ row: inout Row) throws {
        var scene = Scene(width: 1280, height: 720)
        for index in 0..<20 {
            try scene.place(
                index < 9 ? "label-0\(index + 1)" : "label-\(index + 1)", x: 128 + index % 5 * 256,
                y: 90 + index / 5 * 180, module: 3.6, angle: Double(index))
        }
        scene.blur(0.8)
        scene.roughen(3, seed: 5)
        var (found, bareFound) = (0, 0)
        let ours = try Bare.cpu { found = try reader.read(scene.picture.view, effort: .frame(0)).count } * 1000
        let theirs = Bare.cpu { bareFound = bare(scene.picture.view).count } * 1000
        row.add("a frame of 720 lines with 20 labels", "ms", ours, bare: theirs)
        row.add("labels read of 20", "", Double(found), bare: Double(bareFound), target: "20", met: found == 20)
    }

    private static func unchanged(_ row: inout Row) {
        for (width, height) in [(1280, 720), (1920, 1080)] {
            let scene = Scene(width: width, height: height)
            var (gate, changed) = (MotionGate(), 0)
            let seconds = Bare.cpu {
                for frame in 0..<2000 where gate.look(scene.picture.view, at: .milliseconds(frame)).isChanged {
                    changed += 1
                }
            }
            // All but the first are the same.
            row.add(
                "unchanged frames of \(height) lines", "/s", 2000 / seconds, target: ">= 5000",
                met: 2000 / seconds >= 5000 && changed == 1)
        }
    }

    /// OpenCV's figures for the same (one thread, SIMD) on another machine of this kind: twice that is allowed.
    private static func filters(_ row: inout Row) {
        for (width, height, half, threshold, both) in [
            (1280, 720, 0.13, 0.84, 0.31), (1920, 1080, 0.26, 1.9, 0.66),
        ] {
            let scene = Scene(width: width, height: height)
            scene.roughen(4, seed: 1)
            let (picture, small, binary) = (scene.picture.view, LumaImage(), LumaImage())
            func measure(_ what: String, _ opencv: Double, _ body: () -> Void) {
                let times = (0..<41).map { _ in Bare.cpu(body) * 1000 }
                let ms = Order.median(times)
                row.add(
                    "\(what), \(height) lines", "ms", ms, target: "<= 2 x \(Report.number(opencv))",
                    met: ms <= 2 * opencv)
            }
            measure("half", half) { small.become(halfOf: picture) }
            measure("threshold of a tenth", threshold) {
                binary.become(thresholdOf: picture, block: height / 10, offset: 5)
            }
            measure("half and threshold of 51", both) {
                small.become(halfOf: picture)
                binary.become(thresholdOf: small.view, block: 51, offset: 5)
            }
        }
    }
}
