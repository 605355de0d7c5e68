internal import Gateway
internal import Glibc
internal import JSON
internal import Model
internal import Posix
internal import Scanners

/// `camera list`: what is attached, and what it can do.
enum CameraListCommand {
    static let list = Command(
        name: "camera list", usage: "[--json]", summary: "the cameras that are attached, and what each offers",
        details: """
            Formats with their sizes and frames a second, and what can be set: exposure, gain, focus.

            example: scangate camera list
            /dev/video0  HD Webcam C270  (uvcvideo, usb-0000:00:14.0-2)
              /dev/v4l/by-id/usb-046d_0825_A1B2C3D4-video-index0
              YUYV  640x480 at 30, 15; 1280x720 at 10
              MJPG  1280x720 at 30, 15
              exposure 3 to 2047, now 166; gain 0 to 255, now 64
            """, options: []
    ) { arguments in
        _ = try arguments.operands()
        let cameras = found()
        guard !arguments.has("json") else {
            return Output.json(.object([("cameras", .array(cameras.map(\.json)))]))
        }
        guard !cameras.isEmpty else {
            return Output.line("no camera is attached; see also: ls -l /dev/video*, lsusb, dmesg")
        }
        for camera in cameras { for line in camera.lines { Output.line(line) } }
    }

    /// One camera.
    private struct Found {
        let path: String
        let links: [String]
        var name = "", driver = "", bus = "", fault = ""
        var formats: [(format: String, sizes: [(size: String, rates: [String])])] = []
        /// Formats that are not read here.
        var others: [String] = []
        var controls: [(name: String, control: VideoControl, value: Int?)] = []

        /// Nil for a node that gives no pictures.
        init?(_ path: String, links: [String]) {
            (self.path, self.links) = (path, links)
            do throws(SystemError) {
                let device = try VideoDevice.open(path)
                let identity = try device.identity()
                guard identity.isCamera else { return nil }
                (name, driver, bus) = (identity.card, identity.driver, identity.bus)
                for offer in device.offers() {
                    guard CaptureSettings.formats.contains(offer.format) else {
                        others.append(offer.format.description)
                        continue
                    }
                    formats.append(
                        (offer.format.description, offer.sizes.map { Self.size($0, of: offer.format, device) }))
                }
                for (name, ids) in [
                    ("exposure", [VideoControl.exposureTime, VideoControl.exposure]), ("gain", [VideoControl.gain]),
                    ("focus", [VideoControl.focus]),
                ] {
                    guard let control = ids.lazy.compactMap({ device.control($0) }).first else { continue }
                    controls.append((name, control, try? device.value(of: control.id)))
                }
            } catch {
                // A node of something else: an encoder, a radio.
                if error.code == ENOTTY { return nil }
                fault = error.description
            }
        }

        private static func size(
            _ sizes: VideoSizes, of format: VideoFormat, _ device: VideoDevice
        ) -> (size: String, rates: [String]) {
            switch sizes {
            case .one(let size): return (size.description, device.rates(format, size).map(rate))
            case .range(let least, let most, _, _):
                return ("\(least) to \(most)", device.rates(format, most).map(rate))
            }
        }

        private static func rate(_ rates: VideoRates) -> String {
            rates.least == rates.most ? number(rates.most) : "\(number(rates.least)) to \(number(rates.most))"
        }

        private static func number(_ rate: Double) -> String {
            let tenths = Int((rate * 10).rounded())
            return tenths.isMultiple(of: 10) ? "\(tenths / 10)" : "\(tenths / 10).\(tenths % 10)"
        }

        var lines: [String] {
            guard fault.isEmpty else { return ["\(path)  \(fault)"] }
            var lines = ["\(path)  \(Safe.text(name))  (\(Safe.text(driver)), \(Safe.text(bus)))"]
            lines += links.map { "  \(Safe.text($0, limit: 1000))" }
            for (format, sizes) in formats {
                let texts = sizes.map { $0.size + ($0.rates.isEmpty ? "" : " at " + $0.rates.joined(separator: ", ")) }
                lines.append("  \(format)  \(texts.isEmpty ? "any size" : texts.joined(separator: "; "))")
            }
            if !others.isEmpty { lines.append("  not read: \(Safe.text(others.joined(separator: " "), limit: 500))") }
            let texts = controls.map { name, control, value in
                "\(name) \(control.range.lowerBound) to \(control.range.upperBound)"
                    + (value.map { ", now \($0)" } ?? "")
            }
            if !texts.isEmpty { lines.append("  " + texts.joined(separator: "; ")) }
            return lines
        }

        var json: JSONValue {
            .object([
                ("path", .string(path)), ("links", .array(links.map { .string($0) })), ("name", .string(name)),
                ("driver", .string(driver)), ("bus", .string(bus)), ("fault", .string(fault)),
                (
                    "formats",
                    .array(
                        formats.map { format, sizes in
                            .object([
                                ("format", .string(format)),
                                (
                                    "sizes",
                                    .array(
                                        sizes.map { size, rates in
                                            .object([
                                                ("size", .string(size)), ("rates", .array(rates.map { .string($0) })),
                                            ])
                                        })
                                ),
                            ])
                        })
                ),
                ("not_read", .array(others.map { .string($0) })),
                (
                    "controls",
                    .array(
                        controls.map { name, control, value in
                            .object([
                                ("name", .string(name)), ("least", .integer(Int64(control.range.lowerBound))),
                                ("most", .integer(Int64(control.range.upperBound))),
                                ("now", value.map { .integer(Int64($0)) } ?? .null),
                            ])
                        })
                ),
            ])
        }
    }

    private static func found() -> [Found] {
        var links: [String: [String]] = [:]
        for directory in ["/dev/v4l/by-id", "/dev/v4l/by-path"] {
            for name in Files.names(in: directory) {
                guard let node = Files.resolved(directory + "/" + name) else { continue }
                links[node, default: []].append(directory + "/" + name)
            }
        }
        let nodes = Files.names(in: "/dev").filter { $0.hasPrefix("video") && $0.dropFirst(5).allSatisfy(\.isNumber) }
        return nodes.sorted { ($0.count, $0) < ($1.count, $1) }.compactMap { node in
            Found("/dev/" + node, links: links["/dev/" + node] ?? [])
        }
    }
}
