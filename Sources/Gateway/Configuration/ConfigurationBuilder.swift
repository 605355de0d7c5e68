internal import Gate
internal import Model
internal import Pattern
internal import Spool
internal import Uplinks

/// Makes a `Configuration` of a checked table, and finds the mistakes that take more than one key to see.
struct ConfigurationBuilder {
    var findings: ConfigurationFindings
    let files: ConfigurationFiles
    /// Of a relay's file: where the gateways' keys are.
    var relayKeys: String?
    /// The profiles that were read, for the order of the findings.
    var profileFiles: [String] = []

    init(findings: ConfigurationFindings, files: ConfigurationFiles) {
        self.findings = findings
        self.files = files
    }

    /// The configuration; `root` is completed with the defaults that depend on other keys.
    mutating func build(_ root: inout ConfigurationTable) -> Configuration {
        completeLabels(&root)
        completeUplinks(&root)
        var result = Configuration()
        result.gateway = gateway(root.table("gateway"))
        result.keys = keys(root.table("keys"))
        result.spool = spool(root.table("spool"))
        result.lane = lane(root.table("lane"), over: LaneSettings())
        for (name, table) in root.named("lanes") {
            guard let id = LaneID(name) else { continue }
            result.lanes[id] = lane(table, over: result.lane)
        }
        result.labels = labels(root.tables("label"))
        result.scanners = scanners(root.table("scanners"))
        result.camera = camera(root.table("camera"), result.spool)
        relayKeys = relayKeys(root.table("relay"))
        result.uplinks = root.tables("uplink").compactMap { uplink($0) }
        result.relay = relay(root.table("relay"), root.tables("uplink"))
        checkGroups(root.tables("uplink"))
        checkBudgets(root.tables("uplink"), result.uplinks, lanes: result.lanes.count)
        result.signals = signals(root.tables("signal"))
        result.console.listen = root.table("console").text("listen") ?? result.console.listen
        if root.tables("uplink").isEmpty, !root.table("relay").written {
            findings.warning(root.origin, "uplink", "no uplink", "scans wait in the spool until there is one")
        }
        return result
    }

    private func gateway(_ table: ConfigurationTable) -> GatewaySettings {
        var result = GatewaySettings()
        result.id = table.text("id").flatMap { GatewayID($0) }
        result.site = table.text("site") ?? result.site
        result.stateDirectory = table.text("state_dir") ?? result.stateDirectory
        result.controlSocket = table.text("control_socket") ?? result.controlSocket
        result.adminGroup = table.text("admin_group") ?? result.adminGroup
        return result
    }

    private mutating func keys(_ table: ConfigurationTable) -> KeySettings {
        var result = KeySettings()
        result.sealingKeyFile = file("sealing_key_file", of: table, secret: true)
        if let path = result.sealingKeyFile, let size = files.size(path), size != 32 {
            findings.mistake(
                table.origin(of: "sealing_key_file"), table.path(of: "sealing_key_file"),
                "\(path) holds \(size) bytes, not 32",
                "put the key back from your backup; only for a new gateway: head -c 32 /dev/urandom > \(path)")
        }
        return result
    }

    private func spool(_ table: ConfigurationTable) -> SpoolLimits {
        var result = SpoolLimits()
        result.maxScans = table.integer("max_scans") ?? result.maxScans
        result.maxBytes = table.integer("max_bytes") ?? result.maxBytes
        result.minFree = table.integer("min_free") ?? result.minFree
        result.keepAccepted = table.duration("keep_accepted") ?? result.keepAccepted
        return result
    }

    private func lane(_ table: ConfigurationTable, over base: LaneSettings) -> LaneSettings {
        var result = base
        result.debounce = table.duration("debounce") ?? result.debounce
        result.childrenPerParent = table.integer("children_per_parent").map { Int($0) } ?? result.childrenPerParent
        result.forgetParentAfter = table.duration("forget_parent_after") ?? result.forgetParentAfter
        result.shortBag = table.choice("short_bag") ?? result.shortBag
        result.other = table.choice("other") ?? result.other
        return result
    }

    /// The path that a key names, after a look at the file; nil where there is none.
    mutating func file(_ key: String, of table: ConfigurationTable, secret: Bool) -> String? {
        guard let path = table.text(key) else { return nil }
        let (origin, name) = (table.origin(of: key), table.path(of: key))
        switch files.check(path, secret: secret) {
        case .good: break
        case .wrong(let problem, let advice): findings.mistake(origin, name, problem, advice)
        case .unseen:
            findings.warning(origin, name, "only the running service can see \(path)", "not checked here")
        }
        return path
    }
}
