internal import Model
internal import TOML

@testable internal import Gateway

extension FuzzTarget {
    /// A configuration, a relay's file or a scanner's profile, as text. What it names is not looked at.
    static let configuration = FuzzTarget("configuration") { choices, bytes in
        let isProfile = choices.flag()
        guard let root = try? TOMLValue.parse(bytes) else { return }
        try require(root == (try TOMLValue.parse(bytes)), "one text, two trees")
        let node = ConfigurationNode(root, file: "/fuzz.toml")
        let found = check(node, isProfile)
        try require(check(node, isProfile).findings == found.findings, "one configuration, two lists of mistakes")
        let lines = bytes.count { $0 == 10 } + 1
        for mistake in found.findings {
            let text = mistake.description
            try require(isPrintable(text), "a mistake with bytes that are no text: \(text.debugDescription)")
            try require(!mistake.problem.isEmpty, "a mistake that does not say what it is: \(text)")
            try require((0...lines).contains(mistake.origin.line), "a mistake behind the end: \(text), \(lines) lines")
        }
        for mistake in found.mistakes { try require(!mistake.advice.isEmpty, "a mistake without advice: \(mistake)") }
    }

    private static func check(_ node: ConfigurationNode, _ isProfile: Bool)
        -> (findings: [ConfigurationMistake], mistakes: [ConfigurationMistake])
    {
        var root = ConfigurationNode(.table([]), ConfigurationOrigin(file: "/fuzz.toml", line: 1))
        root.merge(node)
        let schema = isProfile ? ConfigurationSchema.profile : .current
        var checker = ConfigurationChecker(schema: schema)
        var table = checker.check(root)
        var builder = ConfigurationBuilder(
            findings: checker.findings, files: ConfigurationFiles(credentialsDirectory: nil, looks: false))
        if !isProfile {
            // Directories of profiles are listed, whatever is looked at.
            table.values["scanners"] = nil
            _ = builder.build(&table)
        }
        _ = schema.entries(of: table)
        let found = builder.findings
        return (found.mistakes + found.warnings + found.notes, found.mistakes)
    }
}
