internal import Model
internal import Posix
internal import TOML

extension Configuration {
    /// Where the configuration is where nobody says otherwise.
    public static let standardPath = "/etc/scangate/scangate.toml"

    /// The file to use: the command's option, else `$SCANGATE_CONFIG`, else the standard one.
    public static func path(option: String?, environment: (String) -> String?) -> String {
        if let option { return option }
        if let named = environment("SCANGATE_CONFIG"), !named.isEmpty { return named }
        return standardPath
    }

    /// Reads a file and the drop-ins beside it, and checks all of it.
    ///
    /// The drop-ins of `scangate.toml` are `scangate.d/*.toml`, in the order of their names: later values replace
    /// earlier ones, lists of tables (`[[label]]`, `[[uplink]]`) append. Files that the configuration names must be
    /// there and readable for this process; systemd's credentials only while `credentialsDirectory` is known, which is
    /// `$CREDENTIALS_DIRECTORY` of the service.
    ///
    /// - Parameter looksAtFiles: false for a command that needs none of the files that the configuration names: its
    ///   user may not be allowed to read them.
    public static func load(path: String, credentialsDirectory: String? = nil, looksAtFiles: Bool = true)
        throws(ConfigurationError) -> Configuration
    {
        let (root, files) = try read(path: path)
        var checker = ConfigurationChecker(schema: .current)
        var table = checker.check(root)
        var builder = ConfigurationBuilder(
            findings: checker.findings,
            files: ConfigurationFiles(credentialsDirectory: credentialsDirectory, looks: looksAtFiles))
        var configuration = builder.build(&table)
        let order = files + builder.profileFiles
        guard builder.findings.mistakes.isEmpty else {
            throw ConfigurationError(mistakes: sorted(builder.findings.mistakes, order))
        }
        configuration.files = files
        configuration.warnings = sorted(builder.findings.warnings, order)
        configuration.notes = sorted(builder.findings.notes, order)
        configuration.entries = ConfigurationSchema.current.entries(of: table)
        return configuration
    }

    /// The folder of a file's drop-ins: `scangate.d` beside `scangate.toml`.
    public static func dropInDirectory(of path: String) -> String {
        (path.hasSuffix(".toml") ? String(path.dropLast(5)) : path) + ".d"
    }

    private static func read(path: String) throws(ConfigurationError) -> (ConfigurationNode, [String]) {
        let directory = dropInDirectory(of: path)
        let files =
            [path]
            + Files.names(in: directory).filter { $0.hasSuffix(".toml") && !$0.hasPrefix(".") }
            .map { directory + "/" + $0 }
        var root = ConfigurationNode(.table([]), ConfigurationOrigin(file: path, line: 1))
        var mistakes: [ConfigurationMistake] = []
        for file in files {
            do {
                let bytes = try Files.read(file, limit: TOMLValue.maxBytes)
                root.merge(ConfigurationNode(try TOMLValue.parse(bytes), file: file))
            } catch let error as TOMLError {
                mistakes.append(
                    ConfigurationMistake(
                        origin: ConfigurationOrigin(file: file, line: max(error.position.line, 1)), key: "",
                        problem: "not TOML, column \(error.position.column): \(Safe.text(error.message))",
                        advice: "mend this first, the rest of the file has not been read"))
            } catch {
                mistakes.append(
                    ConfigurationMistake(
                        origin: ConfigurationOrigin(file: file, line: 0), key: "",
                        problem: "cannot be read: \(error)",
                        advice: "name a file with --config, or make this one readable"))
            }
        }
        guard mistakes.isEmpty else { throw ConfigurationError(mistakes: mistakes) }
        return (root, files)
    }

    private static func sorted(_ findings: [ConfigurationMistake], _ files: [String]) -> [ConfigurationMistake] {
        func rank(_ mistake: ConfigurationMistake) -> (Int, Int) {
            (files.firstIndex(of: mistake.origin.file) ?? files.count, mistake.origin.line)
        }
        // Sorting is not promised to be stable; two mistakes of one line keep their order.
        return findings.enumerated().sorted {
            (rank($0.element), $0.offset) < (rank($1.element), $1.offset)
        }.map(\.element)
    }
}

private func < (left: ((Int, Int), Int), right: ((Int, Int), Int)) -> Bool {
    (left.0.0, left.0.1, left.1) < (right.0.0, right.0.1, right.1)
}
