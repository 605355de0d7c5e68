internal import JSON
internal import Model

extension ReceivedScan {
    /// A JSON object that says the same, signature included: what a relay gives to a delivery, which reads scans as a
    /// spool stores them. Not the bytes as they came, which may have had unknown members.
    public var wire: [UInt8] {
        var json = JSONWriter(reserving: 640)
        json.object {
            $0.member("id", fields.id)
            $0.member("dev", fields.dev)
            $0.member("kid", fields.kid)
            $0.member("log", fields.log)
            $0.member("seq", fields.seq)
            $0.member("lane", fields.lane)
            $0.member("lane_seq", fields.laneSeq)
            $0.member("ts", fields.ts)
            $0.member("clk", fields.clk)
            $0.member("boot", fields.boot)
            $0.member("mono_ms", fields.monoMs)
            $0.member("action", fields.action)
            $0.member("role", fields.role)
            $0.member("parent", fields.parent)
            $0.member("operator", fields.operatorBadge)
            $0.member("corrects", fields.corrects)
            $0.member("sym", fields.sym)
            $0.member("aim", fields.aim)
            if !fields.data.contains(0), let text = String(validating: fields.data, as: UTF8.self) {
                $0.member("data", text)
            } else {
                $0.member("data_b64", Base64URL.encode(fields.data))
            }
            if let raw = fields.raw { $0.member("raw", Base64URL.encode(raw)) }
            $0.member("alg", fields.alg)
            $0.member("sig", Base64URL.encode(signature))
        }
        return json.bytes
    }
}
