internal import Gate
internal import JSON
public import Model

/// What `scangate config check` prints.
public enum ConfigurationCheck {
    /// The mistakes, one a line as `FILE:LINE: key: what is wrong; what to write`; or what was found faultless, after
    /// its warnings and notes.
    public static func text(_ result: Result<Configuration, ConfigurationError>) -> String {
        switch result {
        case .failure(let error): return error.description + "\n"
        case .success(let configuration):
            let lines =
                configuration.warnings.map { "warning: \($0)" } + configuration.notes.map { "note: \($0)" }
                + ["\(configuration.files.joined(separator: ", ")): no mistakes"]
            return lines.map { $0 + "\n" }.joined()
        }
    }

    /// `{"ok","files":[…],"mistakes":[{"file","line","key","problem","advice"}],"warnings":[…],"notes":[…]}`.
    public static func json(_ result: Result<Configuration, ConfigurationError>) -> [UInt8] {
        let configuration = try? result.get()
        var json = JSONWriter()
        json.object {
            $0.member("ok", configuration != nil)
            $0.key("files")
            $0.array { for file in configuration?.files ?? [] { $0.string(file) } }
            $0.key("mistakes")
            if case .failure(let error) = result { list(error.mistakes, &$0) } else { list([], &$0) }
            $0.key("warnings")
            list(configuration?.warnings ?? [], &$0)
            $0.key("notes")
            list(configuration?.notes ?? [], &$0)
        }
        return json.bytes
    }

    private static func list(_ findings: [ConfigurationMistake], _ json: inout JSONWriter) {
        json.array {
            for finding in findings {
                $0.object {
                    $0.member("file", finding.origin.file)
                    $0.member("line", finding.origin.line)
                    $0.member("key", finding.key)
                    $0.member("problem", finding.problem)
                    $0.member("advice", finding.advice)
                }
            }
        }
    }
}

extension Configuration {
    /// What `scangate config show` prints: a line `key = value` each, with `# FILE:LINE` or `# default` behind it
    /// where origins are asked for. The configuration holds no secrets, only the names of the files that do.
    public func show(origins: Bool) -> String {
        entries.map { entry in
            let line = "\(entry.key) = \(entry.value)"
            return origins ? "\(line)  # \(entry.origin?.description ?? "default")\n" : line + "\n"
        }.joined()
    }

    /// `{"files":[…],"values":[{"key","value","origin"}]}`; values in JSON's own kinds, durations and sizes as
    /// written, the origin null for a default.
    public func showJSON() -> [UInt8] {
        var json = JSONWriter(reserving: 8192)
        json.object {
            $0.key("files")
            $0.array { for file in files { $0.string(file) } }
            $0.key("values")
            $0.array {
                for entry in entries {
                    $0.object {
                        $0.member("key", entry.key)
                        $0.key("value")
                        entry.node.write(to: &$0)
                        $0.key("origin")
                        if let origin = entry.origin { $0.string(origin.description) } else { $0.null() }
                    }
                }
            }
        }
        return json.bytes
    }

    /// What `scangate label test TEXT` prints, without a line end: `child 0016586, rule 2, scangate.toml:31`.
    public func labelTest(_ label: [UInt8], symbology: Symbology = .unknown, lane: LaneID? = nil) -> String {
        labels.explain(label, symbology: symbology, other: lane.map { settings(for: $0).other } ?? self.lane.other)
    }

    /// `{"outcome":"parent|child|other|refused|held|forwarded","data","data_b64","rule","origin","code","text"}`, the
    /// members that do not apply left out; `data` where it is UTF-8 without NUL, else `data_b64` (base64url).
    public func labelTestJSON(_ label: [UInt8], symbology: Symbology = .unknown, lane: LaneID? = nil) -> [UInt8] {
        let other = lane.map { settings(for: $0).other } ?? self.lane.other
        let outcome = labels.classify(label, symbology: symbology)
        var json = JSONWriter()
        json.object {
            switch outcome {
            case .label(let role, let data, let rule):
                $0.member("outcome", role.rawValue)
                Configuration.data(data, &$0)
                Configuration.rule(rule, &$0)
            case .refused(let refusal, let rule): Configuration.refusal(refusal, rule, &$0)
            case .unknown:
                switch other {
                case .refuse: Configuration.refusal(.unknown, nil, &$0)
                case .hold, .forward:
                    $0.member("outcome", other == .hold ? "held" : "forwarded")
                    Configuration.data(label, &$0)
                }
            }
        }
        return json.bytes
    }

    private static func data(_ data: [UInt8], _ json: inout JSONWriter) {
        if !data.contains(0), String(validating: data, as: UTF8.self) != nil {
            json.key("data")
            json.string(data)
        } else {
            json.member("data_b64", Base64URL.encode(data))
        }
    }

    private static func rule(_ rule: RuleReference?, _ json: inout JSONWriter) {
        guard let rule else { return }
        json.member("rule", rule.index)
        json.member("origin", rule.origin)
    }

    private static func refusal(_ refusal: Refusal, _ rule: RuleReference?, _ json: inout JSONWriter) {
        json.member("outcome", "refused")
        Configuration.rule(rule, &json)
        json.member("code", refusal.code.rawValue)
        json.member("text", refusal.text)
    }
}
