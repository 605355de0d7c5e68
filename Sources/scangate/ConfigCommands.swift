internal import Gateway

enum ConfigCommands {
    static let all = [check, show]

    private static let check = Command(
        name: "config check", usage: "[--config FILE] [--json]",
        summary: "every mistake of the configuration, in one run",
        details: """
            Each mistake as FILE:LINE: key: what is wrong; what to write. Exit 3 where there is one.

            example: scangate config check --config scangate.toml
            """,
        options: []
    ) { arguments in
        _ = try arguments.operands()
        let result: Result<Configuration, ConfigurationError>
        do throws(ConfigurationError) {
            result = .success(try Configuration.load(path: arguments.configurationPath))
        } catch { result = .failure(error) }
        if arguments.has("json") {
            Output.line(String(decoding: ConfigurationCheck.json(result), as: UTF8.self))
        } else if case .success = result {
            Output.text(ConfigurationCheck.text(result))
        }
        if case .failure(let error) = result { throw CommandError(error.description, exit: .configuration) }
    }

    private static let show = Command(
        name: "config show", usage: "[--origin] [--json]", summary: "the values in force, and where each was written",
        details: "example: scangate config show --origin", options: [.flag("origin")]
    ) { arguments in
        _ = try arguments.operands()
        let configuration = try arguments.session().configuration
        if arguments.has("json") {
            Output.line(String(decoding: configuration.showJSON(), as: UTF8.self))
        } else {
            Output.text(configuration.show(origins: arguments.has("origin")))
        }
    }
}
