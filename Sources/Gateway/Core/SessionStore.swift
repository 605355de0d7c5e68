internal import JSON
internal import Posix

/// What deliveries leave behind for the next run: cookies of login sessions, secrets, and what is used of the login
/// budgets.
struct SavedSessions: Sendable, Equatable {
    /// Cookie lines by the group's and the session's name.
    var cookies: [String: [String: [String]]] = [:]
    /// When requests went to the login page, wall clock in milliseconds, by host.
    var logins: [String: [Int64]] = [:]

    var isEmpty: Bool { cookies.isEmpty && logins.isEmpty }

    /// As JSON: `{"v":1,"uplinks":{NAME:{"cookies":{SESSION:[…]},"logins":[…]}}}`, NAME a group or a host.
    func encode() -> [UInt8] {
        var json = JSONWriter()
        json.object {
            $0.member("v", 1)
            $0.key("uplinks")
            $0.object {
                for name in Set(cookies.keys).union(logins.keys).sorted() {
                    $0.key(name)
                    $0.object {
                        $0.key("cookies")
                        $0.object {
                            for (account, lines) in (cookies[name] ?? [:]).sorted(by: { $0.key < $1.key }) {
                                $0.key(account)
                                $0.array { for line in lines { $0.string(line) } }
                            }
                        }
                        $0.key("logins")
                        $0.array { for time in logins[name] ?? [] { $0.integer(time) } }
                    }
                }
            }
        }
        return json.bytes
    }

    /// Nothing saved.
    init() {}

    /// Nil where the bytes are not what `encode` of this version makes.
    init?(_ bytes: [UInt8]) {
        guard let json = try? JSONValue.parse(bytes), json["v"]?.integer == 1,
            let uplinks = json["uplinks"]?.object
        else { return nil }
        for (name, uplink) in uplinks {
            for (account, lines) in uplink["cookies"]?.object ?? [] {
                cookies[name, default: [:]][account] = lines.array?.compactMap(\.string) ?? []
            }
            let times = uplink["logins"]?.array?.compactMap(\.integer) ?? []
            if !times.isEmpty { logins[name] = times }
        }
    }
}

/// The file `sessions` in the state directory: `SavedSessions`, sealed with the registry's key (AES-256-GCM), mode 0600.
///
/// Written whole or not at all; at most 1 MiB. Whoever can open it can act as the gateway's users until their sessions
/// end, an hour after the login. Confined to the registry's owner, since the key is.
struct SessionStore {
    private static let context = "scangate sessions v1"
    private static let limit = 1 << 20

    let path: String
    let seal: (_ bytes: [UInt8], _ context: String) -> [UInt8]
    let open: (_ sealed: [UInt8], _ context: String) throws -> [UInt8]

    /// What was saved last. A file that cannot be read costs a login, and no more: a warning.
    func load() -> SavedSessions {
        guard Files.status(path) != nil else { return SavedSessions() }
        do {
            let bytes = try open(try Files.read(path, limit: Self.limit), Self.context)
            if let saved = SavedSessions(bytes) { return saved }
            Log.warning("\(path): not of this version; the login sessions begin anew")
        } catch { Log.warning("\(path): \(error); the login sessions begin anew") }
        return SavedSessions()
    }

    /// Saves for the next run; where that fails it logs in anew, which a warning says.
    func save(_ sessions: SavedSessions) {
        // A gateway without such uplinks has no such file.
        guard !sessions.isEmpty || Files.status(path) != nil else { return }
        do { try Files.replace(path, with: seal(sessions.encode(), Self.context)) } catch {
            Log.warning("\(path): \(error); the next start logs in anew")
        }
    }
}
