internal import JSON
internal import Model
internal import Scanners

extension Doctor {
    /// Frames that a camera gave in the last minutes before anything is said of them.
    private static let fewFrames: Int64 = 150

    /// Whether codes can be read at all, and what each camera's decoder does; nothing where there is no camera.
    static func examine(cameras devices: JSONValue, _ surroundings: Surroundings) -> [Finding] {
        let cameras = (devices["devices"]?.array ?? []).filter {
            $0["kind"]?.string == "camera" && $0["state"]?.string != "disabled"
        }
        guard !cameras.isEmpty else { return [] }
        let fault = surroundings.decoderFault()
        let decoder =
            fault.map {
                Finding(
                    "decoder", fault: "cameras read nothing: \($0)",
                    mend: $0.contains("libzbar") ? "apt-get install -y libzbar0" : "")
            } ?? Finding("decoder", good: "starts in its sandbox, and reads a code that is known")
        return [decoder] + cameras.compactMap { frames(of: $0) }
    }

    /// What is not read while something is left out.
    private static func consequence(of omission: String) -> String {
        omission == "background"
            ? "; both decoders end at it, and only what comes or moves beside it is read for the moment"
            : "; what only \(omission) reads is not read for the moment"
    }

    /// What becomes of one camera's frames; nil while it gives none, which its port tells.
    private static func frames(of device: JSONValue) -> Finding? {
        guard let name = device["name"]?.string, let camera = device["camera"], device["connected"]?.bool == true,
            let recent = camera["recent"]
        else { return nil }
        let check = "frames of \(name)"
        func count(_ key: String, of counts: JSONValue) -> Int64 { counts[key]?.integer ?? 0 }
        let without = camera["without"]?.string
        let poison = count("poison", of: recent)
        if poison > 0 || without != nil {
            return Finding(
                check,
                fault: "\(count("poison", of: camera)) frames have ended its decoder, \(poison) of them in the last "
                    + "two minutes: a printed code that breaks it passes, or lies before it"
                    + (without.map(Self.consequence) ?? "")
                    + ". Find it: scangate camera snapshot \(name)",
                mend: "")
        }
        let (frames, dropped) = (count("frames", of: recent), count("dropped", of: recent))
        if frames >= fewFrames, dropped * 2 > frames {
            return Finding(
                check,
                fault: "\(dropped * 100 / frames) % of its frames are not looked at, since the decoder is too slow for "
                    + "them: register it anew with a lower --rate or --size, or fewer --symbologies; nothing else may "
                    + "take the processor (top)",
                mend: "")
        }
        let spoilt = count("unreadable", of: recent)
        if frames >= fewFrames, spoilt * 10 > frames {
            return Finding(
                check,
                fault:
                    "\(spoilt * 100 / frames) % of its frames come damaged: try another cable or port, without a hub",
                mend: "")
        }
        return Finding(
            check,
            good: "\(count("decoded", of: camera)) decoded, \(count("dropped", of: camera)) dropped, "
                + "\(count("unreadable", of: camera)) damaged")
    }
}
