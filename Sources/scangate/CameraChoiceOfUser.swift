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

    /// Looks the camera up: a word with a slash, or a JPEG's, is a path, `video0` is /dev/video0, all else is a device.
    init(_ arguments: Arguments) async throws {
        let word = arguments.operands[0]
        configuration = arguments.configurationPath
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

    /// Opens the camera, and closes it whatever happens.
    func looking<T>(_ body: (CameraLook) throws(CameraLook.Fault) -> T) async throws -> T {
        // Before it is opened: some drivers let a second one in, and end the first one's pictures.
        if let device = reader(isWanting: false) { throw Self.inUse(path, by: device) }
        do throws(CameraLook.Fault) {
            let look = try CameraLook(path, settings)
            defer { look.close() }
            for complaint in look.complaints { Log.warning(complaint) }
            return try body(look)
        } catch {
            guard error.isBusy, let device = reader(isWanting: true) else { throw CommandError(error.description) }
            throw Self.inUse(path, by: device)
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

    private static func inUse(_ path: String, by device: String) -> CommandError {
        let name = Safe.text(device)
        return CommandError(
            "\(Safe.text(path)) is read by the daemon, as device \(name)",
            hint:
                "labels that pass meanwhile are not read: scangate device disable \(name), look, then: scangate device "
                + "enable \(name)")
    }
}
