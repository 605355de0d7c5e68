internal import Glibc
internal import Model
internal import Posix
internal import Scanners
internal import Spool

extension ConfigurationBuilder {
    /// The most profiles of one directory; what is over it is a mistake.
    private static let maxProfiles = 256

    /// `[scanners]`, with the profiles of its directories.
    mutating func scanners(_ table: ConfigurationTable) -> ScannerSettings {
        var result = ScannerSettings()
        result.unknown = table.choice("unknown") ?? result.unknown
        let (origin, key) = (table.origin(of: "profiles"), table.path(of: "profiles"))
        var layers: [[DeviceProfile]] = []
        for directory in table.texts("profiles") {
            guard let status = Files.status(directory) else {
                // A default directory is missing where nobody has profiles of his own, or none are installed.
                if table.has("profiles") {
                    findings.mistake(
                        origin, key, "no such directory, or not to be reached: \(Safe.text(directory))",
                        "write the path of a directory of profiles, or run: mkdir \(Safe.text(directory))")
                }
                continue
            }
            guard status.isDirectory else {
                findings.mistake(
                    origin, key, "no directory: \(Safe.text(directory))", "write the path of a directory of profiles")
                continue
            }
            guard Self.canList(directory) else {
                // What cannot be read would look like a directory without profiles.
                findings.mistake(
                    origin, key, "this user may not read \(Safe.text(directory))",
                    "run: chgrp scangate-admin \(Safe.text(directory)) && chmod 750 \(Safe.text(directory))")
                continue
            }
            let names = Files.names(in: directory).filter { $0.hasSuffix(".toml") && !$0.hasPrefix(".") }
            guard names.count <= Self.maxProfiles else {
                findings.mistake(
                    origin, key, "\(names.count) profiles in \(Safe.text(directory))",
                    "keep at most \(Self.maxProfiles)")
                continue
            }
            var layer: [DeviceProfile] = []
            for name in names {
                let path = directory + "/" + name
                profileFiles.append(path)
                var loader = ProfileLoader(path: path)
                guard let profile = loader.load() else {
                    findings.mistakes += loader.findings.mistakes
                    continue
                }
                layer.append(profile)
                result.files[profile.name] = path
            }
            layers.append(layer)
        }
        result.profiles = DeviceProfiles(layers: layers)
        return result
    }

    /// `[camera]`; what must stay free is the spool's word.
    func camera(_ table: ConfigurationTable, _ spool: SpoolLimits) -> CameraSettings {
        var result = CameraSettings()
        result.frames.files = table.integer("max_frames").map { Int($0) } ?? result.frames.files
        result.frames.bytes = table.integer("max_frame_bytes") ?? result.frames.bytes
        result.frames.minFree = spool.minFree
        return result
    }

    private static func canList(_ directory: String) -> Bool {
        do {
            _ = try FileDescriptor.open(directory, O_RDONLY | O_DIRECTORY)
            return true
        } catch { return false }
    }
}
