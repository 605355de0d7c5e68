/// Where a value was written.
public struct ConfigurationOrigin: Sendable, Equatable, CustomStringConvertible {
    /// The file, as it was named or found.
    public let file: String
    /// The line, from 1; 0 for the file as a whole.
    public let line: Int

    /// `FILE:LINE`, or the file alone.
    public var description: String { line > 0 ? "\(file):\(line)" : file }

    /// The same without the folders, as people call the file: `scangate.toml:31`, `scangate.d/20-labels.toml:3`.
    public var short: String {
        let parts = file.split(separator: "/")
        let keep = parts.dropLast().last?.hasSuffix(".d") == true ? 2 : 1
        return parts.suffix(keep).joined(separator: "/") + (line > 0 ? ":\(line)" : "")
    }
}

/// One thing that is wrong with a configuration.
public struct ConfigurationMistake: Sendable, Equatable, CustomStringConvertible {
    /// Where it stands.
    public let origin: ConfigurationOrigin
    /// The key, such as `uplink[1].auth.kind`; empty where the file itself is wrong.
    public let key: String
    /// What is wrong; never shows what may be a secret.
    public let problem: String
    /// What to write instead.
    public let advice: String

    /// `FILE:LINE: key: what is wrong; what to write`.
    public var description: String {
        "\(origin): \(key.isEmpty ? "" : key + ": ")\(problem)\(advice.isEmpty ? "" : "; " + advice)"
    }
}

/// Every mistake of a configuration; of those that are not TOML, the first of each file alone.
public struct ConfigurationError: Error, Sendable, Equatable, CustomStringConvertible {
    /// In the order of files and lines; at least one.
    public let mistakes: [ConfigurationMistake]

    /// A line a mistake.
    public var description: String { mistakes.map(\.description).joined(separator: "\n") }
}

/// What reading and checking have found so far.
struct ConfigurationFindings {
    var mistakes: [ConfigurationMistake] = []
    var warnings: [ConfigurationMistake] = []
    var notes: [ConfigurationMistake] = []

    mutating func mistake(_ origin: ConfigurationOrigin, _ key: String, _ problem: String, _ advice: String) {
        mistakes.append(ConfigurationMistake(origin: origin, key: key, problem: problem, advice: advice))
    }

    mutating func note(_ origin: ConfigurationOrigin, _ key: String, _ problem: String) {
        notes.append(ConfigurationMistake(origin: origin, key: key, problem: problem, advice: ""))
    }

    mutating func warning(_ origin: ConfigurationOrigin, _ key: String, _ problem: String, _ advice: String) {
        warnings.append(ConfigurationMistake(origin: origin, key: key, problem: problem, advice: advice))
    }
}
