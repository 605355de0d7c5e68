internal import Crypto
public import Gate
public import Model
public import Scanners
public import Signals
public import Spool
public import Uplinks

/// `[gateway]`: this gateway and where it keeps its things.
public struct GatewaySettings: Sendable, Equatable {
    /// The gateway's name; nil where the configuration leaves it to the state directory, or to the host name.
    public var id: GatewayID?
    /// The site's name, or empty.
    public var site = ""
    /// Where the spool, the registry and the keys are.
    public var stateDirectory = "/var/lib/scangate"
    /// The control socket's path; at most 107 bytes.
    public var controlSocket = "/run/scangate/control.sock"
    /// The group that may use the control socket.
    public var adminGroup = "scangate-admin"

    /// The defaults.
    public init() {}
}

/// `[keys]`: how device keys are protected at rest.
public struct KeySettings: Sendable, Equatable {
    /// A file of 32 bytes that seal the keystore; nil where the daemon makes one in the state directory.
    public var sealingKeyFile: String?

    /// The defaults.
    public init() {}
}

/// `[console]`: health, metrics and pages.
public struct ConsoleSettings: Sendable, Equatable {
    /// HOST:PORT.
    public var listen = "127.0.0.1:8470"

    /// The defaults.
    public init() {}
}

/// `[scanners]`: which profiles there are, and what becomes of scanners that are no device.
public struct ScannerSettings: Sendable, Equatable {
    /// What becomes of a keyboard that is surely a scanner, but is registered as no device, or is disabled.
    public enum Unknown: String, Sendable, CaseIterable {
        /// It is grabbed, and its keys are dropped: a printed code never types on the console.
        case grab
        /// It is left alone.
        case ignore
    }

    /// What becomes of scanners that are no device.
    public var unknown = Unknown.grab
    /// The profiles of all directories.
    public var profiles = DeviceProfiles()
    /// The file of each profile, by the profile's name; none for the built-in one.
    public var files: [String: String] = [:]

    /// The defaults, with the built-in profile alone.
    public init() {}
}

/// `[camera]`: what is kept of what cameras see.
public struct CameraSettings: Sendable, Equatable {
    /// The bounds of `frames` in the state directory; `minFree` is the spool's.
    public var frames = FrameFolder.Bounds()

    /// The defaults.
    public init() {}
}

/// One effective value, for `config show`.
public struct ConfigurationEntry: Sendable, Equatable {
    /// The key, such as `uplink[1].batch.max_scans`.
    public let key: String
    /// Where it was written; nil where it is the default.
    public let origin: ConfigurationOrigin?
    let node: ConfigurationNode

    /// The value as TOML writes it.
    public var value: String { node.toml }
}

/// A configuration without mistakes: what the daemon runs by. Secrets stay in the files it names.
public struct Configuration: Sendable, Equatable {
    /// The main file, then the drop-ins, in the order in which they were read.
    public internal(set) var files: [String] = []
    /// This gateway and where it keeps its things.
    public internal(set) var gateway = GatewaySettings()
    /// How device keys are protected at rest.
    public internal(set) var keys = KeySettings()
    /// The bounds of the durable log.
    public internal(set) var spool = SpoolLimits()
    /// What holds for lanes that override nothing.
    public internal(set) var lane = LaneSettings()
    /// The lanes with settings of their own, merged with `lane`.
    public internal(set) var lanes: [LaneID: LaneSettings] = [:]
    /// The label rules, in order; the shipped ones where the configuration has none.
    public internal(set) var labels = LabelRules.defaults
    /// Which profiles there are, and what becomes of scanners that are no device.
    public internal(set) var scanners = ScannerSettings()
    /// The ways out, in the order of the configuration; may be none.
    public internal(set) var uplinks: [UplinkSettings] = []
    /// The uplinks by backend, in the order of the configuration.
    public var groups: [UplinkGroup] {
        uplinks.filter { $0.use != .fallback }.compactMap { first in
            let fallbacks = uplinks.filter {
                first.use == .primary && $0.use == .fallback && $0.backend == first.backend
            }
            // A name that cannot be a group's is a mistake, and there is no configuration then.
            return try? UplinkGroup(first, fallbacks: fallbacks)
        }
    }
    /// The gateway's own sounds and lights, in the order of the configuration.
    public internal(set) var signals: [SignalSettings] = []
    /// What is kept of what cameras see.
    public internal(set) var camera = CameraSettings()
    /// Health, metrics and pages.
    public internal(set) var console = ConsoleSettings()
    /// What makes `scangate relay` of it; nil for a gateway's file.
    public internal(set) var relay: RelaySettings?
    /// What is allowed but probably not meant.
    public internal(set) var warnings: [ConfigurationMistake] = []
    /// What is set but takes effect only in a later version.
    public internal(set) var notes: [ConfigurationMistake] = []
    /// Every effective value, in the order of the reference.
    public internal(set) var entries: [ConfigurationEntry] = []

    /// Names the effective values: the first 16 hex digits of a SHA-256 over `KEY = VALUE` lines. Secrets are in files,
    /// so that none is in it.
    public var fingerprint: String {
        let text = entries.map { "\($0.key) = \($0.value)\n" }.joined()
        return Hex.encode(SHA256.digest(Array(text.utf8)).prefix(8))
    }

    /// How a lane judges its scans.
    public func settings(for id: LaneID) -> LaneSettings { lanes[id] ?? lane }
}
