internal import JSON

extension Doctor {
    /// The gateway's own outputs, as `signal list` shows them; what was not used yet says nothing.
    static func examine(signals: JSONValue) -> [Finding] {
        (signals["signals"]?.array ?? []).compactMap { signal in
            guard let name = signal["name"]?.string, let state = signal["state"]?.string, state != "not used yet" else {
                return nil
            }
            let check = "signal \(name)"
            guard state == "fails" else { return Finding(check, good: "\(signal["device"]?.string ?? "") works") }
            let hint = signal["hint"]?.string ?? ""
            return Finding(
                check, fault: (signal["fault"]?.string ?? "") + (hint.isEmpty ? "" : "; \(hint)"),
                mend: "")
        }
    }
}
