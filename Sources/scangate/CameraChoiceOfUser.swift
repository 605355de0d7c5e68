internal import Gateway
internal import JSON
internal import Model
internal import Posix
internal import Scanners

/// The camera that a command names, by its path or as a registered device.
struct CameraChoiceOfUser: Sendable {
    /// Its node, or a link to it.
    let path: String
    /// The device's name where it was named so.
    let name: String?
    /// How pictures are taken.
    let settings: CaptureSettings
    private let configuration: String
    /// The options that say how the camera is to take pictures.
    private let wishes: [String]

    /// Looks the camera up: a word with a slash, or a JPEG's, is a path, `video0` is /dev/video0, all else is a device.
    init(_ arguments: Arguments) async throws {
        let word = arguments.operands[0]
        configuration = arguments.configurationPath
        wishes = CameraCommands.options.map(\.name).filter { arguments[$0] != nil }
        var options: [String: String] = [:]
        if word.contains("/") || word.hasSuffix(".jpg") || word.hasSuffix(".jpeg") {
            (path, name) = (word, nil)
        } else if word.hasPrefix("video"), Files.status("/dev/" + word) != nil {
            (path, name) = ("/dev/" + word, nil)
        } else {
            let result = try await arguments.session().perform(ControlRequest("device show", [("name", .string(word))]))
            guard let device = result["device"], device.cell("kind") == "camera" else {
                throw CommandError("\(Safe.text(word)) is no camera", hint: "see: scangate camera list", exit: .usage)
            }
            guard !device.cell("port").isEmpty else {
                throw CommandError(
                    "camera \(Safe.text(word)) is not attached", hint: "plug it in; see: scangate camera list")
            }
            (path, name) = (device.cell("port"), word)
            for (option, value) in device["options"]?.object ?? [] { options[option] = value.string }
        }
        for option in CameraCommands.options { if let value = arguments[option.name] { options[option.name] = value } }
        do { settings = try CaptureSettings(options: options) } catch {
            throw CommandError(error.description, exit: .usage)
        }
    }

    /// A file's name for a picture of now.
    var fileName: String {
        let time = Timestamp.text(TimeSource.system.now().wallMs).prefix(19).map { $0 == ":" ? "-" : $0 }
        return "\(name ?? path.split(separator: "/").last.map(String.init) ?? "camera")-\(String(time)).png"
    }

    /// Opens the camera, and closes it whatever happens; one that the daemon reads is seen with its eyes.
    func looking<T>(_ body: (any PictureSource) throws(CameraLook.Fault) -> T) async throws -> T {
        // Before it is opened: some drivers let a second one in, and end the first one's pictures.
        if let device = reader(isWanting: false) {
            guard wishes.isEmpty else { throw Self.inUse(path, by: device, wish: wishes[0]) }
            let session = try CommandSession(configurationAt: configuration)
            do throws(CameraLook.Fault) { return try body(DaemonLook(session, device: device)) } catch {
                throw CommandError(error.description)
            }
        }
        do throws(CameraLook.Fault) {
            let look = try CameraLook(path, settings)
            defer { look.close() }
            for complaint in look.complaints { Log.warning(complaint) }
            return try body(look)
        } catch {
            guard error.isBusy, let device = reader(isWanting: true) else { throw CommandError(error.description) }
            throw Self.inUse(path, by: device, wish: nil)
        }
    }

    /// The daemon's device that reads this node; nil where no daemon runs, or may not be asked.
    ///
    /// - Parameter isWanting: also one that waits for the node.
    private func reader(isWanting: Bool) -> String? {
        guard let session = try? CommandSession(configurationAt: configuration),
            let devices = try? session.ask(ControlRequest("device list")).list("devices")
        else { return nil }
        let node = Files.resolved(path) ?? path
        let states = isWanting ? ["reading", "waiting"] : ["reading"]
        return devices.first { device in
            let port = device.cell("port")
            return device.cell("kind") == "camera" && states.contains(device.cell("state"))
                && (Files.resolved(port) ?? port) == node
        }?.cell("name")
    }

    private static func inUse(_ path: String, by device: String, wish: String?) -> CommandError {
        let name = Safe.text(device)
        return CommandError(
            "\(Safe.text(path)) is read by the daemon, as device \(name)"
                + (wish.map { ", with its own settings: --\($0) cannot be tried" } ?? ""),
            hint:
                "labels that pass meanwhile are not read: scangate device disable \(name), look, then: scangate device "
                + "enable \(name)")
    }
}
