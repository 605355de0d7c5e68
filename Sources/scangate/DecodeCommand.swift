internal import FrameLink
internal import Gateway
internal import Glibc
internal import JSON
internal import Model
internal import Posix
internal import Scanners

enum DecodeCommand {
    static let decode = Command(
        name: "decode", usage: "IMAGE... [--symbologies KIND,...] [--charset NAME] [--json]",
        summary: "read the codes in pictures: PNG, JPEG, PGM; folders with all that is in them",
        details: """
            A line for each code. --json: a line for each picture,
            {"file","codes":[{"text","symbology","corners":[[x,y],...]}],"ms"}; bytes that are no text as "data_b64", and
            "part":{"index","count"} where a text is spread over several codes. ms is the time of decoding alone.

            --symbologies   what to look for (default QR), of \(kinds)
            --charset       what bytes are that are not UTF-8, where the code does not say: \(charsets) (default utf8:
                            then they are no text)

            Exit 1 where no picture held a code, or one could not be read.

            example: scangate decode label.png /var/lib/scangate/frames
            label.png: LABEL NO. 0016586 LOT NO. 77  (QR at 412,120)
            """,
        options: [.value("symbologies"), .value("charset")]
    ) { arguments in
        guard !arguments.operands.isEmpty else {
            throw CommandError("IMAGE is missing", hint: "see --help", exit: .usage)
        }
        let decoder = try PictureDecoder(symbologies: symbologies(arguments), charset: charset(arguments))
        defer { decoder.close() }
        let (files, faults) = PictureFiles.find(arguments.operands)
        for fault in faults { Output.error(fault) }
        var (codes, failed) = (0, faults.count)
        let progress = Progress(total: files.count)
        for file in files {
            progress.step()
            do throws(CommandError) {
                let result = try decoder.decode(file: file)
                codes += result.codes.count
                progress.clear()
                if arguments.has("json") { Output.text(json(file, result)) } else { print(file, result) }
            } catch {
                progress.clear()
                Output.error(error)
                failed += 1
            }
        }
        progress.clear()
        if failed > 0 { throw CommandError("\(failed) of \(files.count + faults.count) could not be read; see above") }
        if codes == 0 {
            throw CommandError(
                "there is no code in \(files.count == 1 ? "the picture" : "any of \(files.count) pictures")",
                hint: "take it sharper, from nearer, without glare; other kinds than QR: --symbologies")
        }
    }

    private static let kinds = Symbology.allCases.filter { $0 != .unknown }.map(\.rawValue).joined(separator: " ")
    private static let rules = Charset.allCases.filter { $0 != .raw }
    private static let charsets = rules.map(\.rawValue).joined(separator: " ")

    private static func symbologies(_ arguments: Arguments) throws(CommandError) -> Set<Symbology> {
        guard let list = arguments["symbologies"] else { return [.qr] }
        var symbologies: Set<Symbology> = []
        for word in list.split(separator: ",") {
            guard let known = Symbology.allCases.first(where: { $0.rawValue.lowercased() == word.lowercased() }) else {
                throw CommandError("--symbologies \(Safe.text(String(word))): write one of \(kinds)", exit: .usage)
            }
            symbologies.insert(known)
        }
        return symbologies
    }

    private static func charset(_ arguments: Arguments) throws(CommandError) -> Charset {
        guard let word = arguments["charset"] else { return .utf8 }
        guard let rule = rules.first(where: { $0.rawValue == word.lowercased() }) else {
            throw CommandError("--charset \(Safe.text(word)): write one of \(charsets)", exit: .usage)
        }
        return rule
    }

    private static func print(_ file: String, _ result: FrameResult) {
        let name = Safe.text(file, limit: 4096)
        if result.codes.isEmpty { Output.line("\(name): no code") }
        for code in result.codes {
            let text = text(of: code).map { Safe.text($0, limit: 8192) } ?? "base64url:" + Base64URL.encode(code.bytes)
            let part = code.part.map { ", part \($0.index + 1) of \($0.count)" } ?? ""
            let place = code.corners.first.map { " at \($0.x),\($0.y)" } ?? ""
            Output.line("\(name): \(text)  (\(code.symbology.rawValue)\(place)\(part))")
        }
    }

    private static func json(_ file: String, _ result: FrameResult) -> String {
        var json = JSONWriter()
        json.object { json in
            json.member("file", file)
            json.key("codes")
            json.array { json in
                for code in result.codes { json.object { write(code, &$0) } }
            }
            json.key("ms")
            json.real(Double(result.microseconds) / 1000)
        }
        return String(decoding: json.bytes, as: UTF8.self) + "\n"
    }

    private static func text(of code: FrameCode) -> String? {
        code.text.map { String(decoding: $0, as: UTF8.self) }
    }

    private static func write(_ code: FrameCode, _ json: inout JSONWriter) {
        if let text = text(of: code) {
            json.member("text", text)
        } else {
            json.member("data_b64", Base64URL.encode(code.bytes))
        }
        json.member("symbology", code.symbology.rawValue)
        json.key("corners")
        json.array { json in
            for corner in code.corners {
                json.array { json in
                    json.integer(Int64(corner.x))
                    json.integer(Int64(corner.y))
                }
            }
        }
        if let part = code.part {
            json.key("part")
            json.object { json in
                json.member("index", part.index)
                json.member("count", part.count)
            }
        }
    }
}

/// Reads picture files and their codes. What somebody else made is handed on unseen, to a process in a sandbox.
private final class PictureDecoder {
    private let decoder: FileDecoder

    init(symbologies: Set<Symbology>, charset: Charset) throws(CommandError) {
        do { decoder = try FileDecoder(symbologies: symbologies, charset: charset) } catch {
            throw CommandError(error.description)
        }
    }

    func decode(file: String) throws(CommandError) -> FrameResult {
        let name = Safe.text(file, limit: 4096)
        let bytes: [UInt8]
        do { bytes = try Files.read(file, limit: FileDecoder.maxFileBytes) } catch {
            throw CommandError(
                error.code == EFBIG ? "\(name) is larger than \(FileDecoder.maxFileBytes >> 20) MiB" : "\(error)",
                hint: "is it there, and may you read it?")
        }
        do { return try decoder.read(bytes) } catch {
            // A worker's words: it may have been taken over by the picture before.
            throw CommandError("\(name): \(Safe.text(error.description, limit: 400))")
        }
    }

    func close() { decoder.close() }
}

/// The pictures that operands name.
enum PictureFiles {
    private static let endings = [".png", ".jpg", ".jpeg", ".pgm"]
    /// Folders in folders; deeper ones are not looked into.
    private static let maxDepth = 32

    /// Files as they were named; of folders, the pictures in them and in folders in them, sorted.
    static func find(_ operands: [String]) -> (files: [String], faults: [CommandError]) {
        var (files, faults): ([String], [CommandError]) = ([], [])
        for operand in operands {
            guard let status = Files.status(operand) else {
                faults.append(
                    CommandError(
                        "there is no \(Safe.text(operand, limit: 4096))",
                        hint: "is the name right, and may you read it?"))
                continue
            }
            guard status.isDirectory else {
                files.append(operand)
                continue
            }
            let found = pictures(in: operand, depth: 0)
            if found.isEmpty {
                faults.append(
                    CommandError(
                        "there is no picture in \(Safe.text(operand, limit: 4096))",
                        hint: "pictures in folders end in \(endings.joined(separator: ", "))"))
            }
            files += found
        }
        return (files, faults)
    }

    private static func pictures(in folder: String, depth: Int) -> [String] {
        guard depth < maxDepth else { return [] }
        return Files.names(in: folder).sorted().flatMap { name -> [String] in
            let path = folder.hasSuffix("/") ? folder + name : folder + "/" + name
            var entry = stat()
            // A link to a folder is not followed: it may lead back here.
            guard lstat(path, &entry) == 0 else { return [] }
            if entry.st_mode & S_IFMT == S_IFDIR { return pictures(in: path, depth: depth + 1) }
            return endings.contains { name.lowercased().hasSuffix($0) } ? [path] : []
        }
    }
}

/// How far it is, on standard error, where that is a terminal and it takes a while.
private final class Progress {
    private let total: Int
    private let isShown: Bool
    private var done = 0

    init(total: Int) {
        self.total = total
        isShown = total > 5 && isatty(2) == 1
    }

    func step() {
        guard isShown else { return }
        let bar = String(repeating: "#", count: 30 * done / total)
        write("\r[\(bar)\(String(repeating: ".", count: 30 - bar.count))] \(done)/\(total)")
        done += 1
    }

    func clear() {
        if isShown { write("\r\u{1B}[K") }
    }

    private func write(_ text: String) {
        let bytes = Array(text.utf8)
        _ = bytes.withUnsafeBytes { Glibc.write(2, $0.baseAddress, $0.count) }
    }
}
