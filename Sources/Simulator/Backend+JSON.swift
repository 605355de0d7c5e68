internal import JSON
internal import Model

/// What the control URL shows.
extension Backend {
    func stateJSON() throws -> [UInt8] {
        let state = try state().sorted { $0.key < $1.key }
        return json {
            for (name, value) in state {
                $0.key(name)
                $0.integer(value)
            }
        }
    }

    func linksJSON(parent: String?) throws -> [UInt8] {
        let links = try links(parent: parent)
        return json {
            $0.key("links")
            $0.array {
                for link in links {
                    $0.object {
                        $0.member("child", link.child)
                        $0.member("parent", link.parent)
                        $0.member("scan", link.scan.n)
                        Self.write(link.scan, to: &$0)
                    }
                }
            }
        }
    }

    func scansJSON(after n: Int64, limit: Int) throws -> [UInt8] {
        let rows = try bags.rows(after: n, limit: limit)
        return json {
            $0.key("scans")
            $0.array {
                for row in rows {
                    $0.object {
                        $0.member("n", row.n)
                        $0.member("at", Timestamp.text(row.atMs))
                        $0.member("action", row.action)
                        $0.member("role", row.role)
                        $0.member("label", row.label)
                        $0.member("parent", row.parent)
                        Self.write(row, to: &$0)
                    }
                }
            }
            $0.member("next", rows.last?.n ?? n)
        }
    }

    private static func write(_ row: ScanRow, to json: inout JSONWriter) {
        json.member("contract", row.contract)
        json.member("id", row.id)
        guard row.contract == "devices" else { return json.member("username", row.username) }
        json.member("gateway", row.gateway)
        json.member("dev", row.dev)
        json.member("lane", row.lane)
        json.member("log", row.log)
        json.member("seq", row.seq)
        json.member("lane_seq", row.laneSeq)
    }

    func acceptancesJSON() throws -> [UInt8] {
        let all = try acceptances()
        let repeated = all.filter { $0.value > 1 }.sorted { $0.key < $1.key }
        return json {
            $0.member("scans", all.count)
            $0.key("more_than_once")
            $0.object {
                for (id, count) in repeated {
                    $0.key(id)
                    $0.integer(Int64(count))
                }
            }
        }
    }

    func faultsJSON() -> [UInt8] {
        json {
            $0.key("faults")
            $0.array {
                for (id, fault) in faults.all {
                    $0.object {
                        $0.member("id", id)
                        $0.member("kind", fault.kind.rawValue)
                        if let path = fault.path { $0.member("path", path) }
                        if let contract = fault.contract { $0.member("contract", contract.rawValue) }
                        if let count = fault.count { $0.member("count", count) }
                        $0.key("probability")
                        $0.real(fault.probability)
                        $0.member("ms", fault.ms)
                        $0.member("status", fault.status)
                        if let after = fault.retryAfter { $0.member("retry_after", after) }
                    }
                }
            }
        }
    }

    func clockJSON() -> [UInt8] {
        json {
            $0.member("now", Timestamp.text(store.nowMs))
            $0.member("offset_ms", store.clockOffsetMs)
        }
    }

    func settingsJSON() -> [UInt8] {
        let variant = settings.variant
        return json {
            $0.member("contract", settings.contract.rawValue)
            $0.member("authentication", settings.authentication.rawValue)
            $0.member("variant", variant.wording.rawValue)
            $0.member("csrf", variant.wantsTokenOnScans)
            $0.member("cookie_name", variant.cookieName)
            $0.member("strict_child_labels", variant.hasStrictChildLabels)
            $0.member("session_in_cookie", variant.keepsSessionInCookie)
            $0.member("rate_limit_as_500", variant.hidesRateLimit)
            $0.member("full_first", variant.tellsFullFirst)
            for (name, limit) in [
                ("logins_per_hour", settings.limits.loginsPerHour),
                ("requests_per_minute", settings.limits.requestsPerMinute),
                ("requests_per_hour", settings.limits.requestsPerHour),
                ("requests_per_day", settings.limits.requestsPerDay),
            ] {
                $0.key(name)
                if let limit { $0.integer(Int64(limit)) } else { $0.null() }
            }
        }
    }
}
