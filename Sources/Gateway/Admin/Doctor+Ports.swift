internal import Glibc
internal import JSON
internal import Posix

extension Doctor {
    /// The port of one device, as `device list` shows that; nothing for a device that is not to be read.
    static func port(_ device: JSONValue, _ surroundings: Surroundings) -> Finding? {
        guard let name = device["name"]?.string, device["state"]?.string != "disabled" else { return nil }
        let check = "port of \(name)"
        guard let path = device["port"]?.string, !path.isEmpty else {
            return Finding(check, fault: device["fault"]?.string ?? "not attached", mend: "scangate device discover")
        }
        let isCamera = device["kind"]?.string == "camera"
        guard let file = Files.status(path) else {
            return Finding(
                check, fault: "\(path) is not there: unplugged, or plugged in elsewhere",
                mend: isCamera ? "scangate camera list" : "ls -l /dev/serial/by-id /dev/serial/by-path")
        }
        if device["connected"]?.bool == true { return Finding(check, good: "\(path) is read") }
        guard surroundings.mayUse(file, 6) else {
            return Finding(
                check,
                fault: "\(path) mode \(octal(file.mode)), group \(Users.groupName(file.group)): "
                    + "the daemon (\(surroundings.user)) may not use it",
                mend: giveToGroup(path, isCamera ? surroundings.videoGroup : surroundings.portGroup))
        }
        let fault = device["fault"]?.string ?? ""
        guard !fault.isEmpty else {
            return Finding(check, good: "\(path) is there, and the daemon may use it")
        }
        // They open every terminal that comes, to see what it is.
        let intruders = ["ModemManager", "brltty"].filter {
            surroundings.isThere("/usr/sbin/\($0)") || surroundings.isThere("/usr/bin/\($0)")
        }
        let mend =
            intruders.isEmpty ? "fuser -vk \(quoted(path))" : "systemctl mask --now \(intruders.joined(separator: " "))"
        return Finding(check, fault: fault, mend: fault.contains(SystemError.text(EBUSY)) ? mend : "")
    }

    /// For good where it is a serial terminal or a camera, whose nodes the kernel makes anew at each plug-in.
    private static func giveToGroup(_ path: String, _ group: String) -> String {
        let node = Files.resolved(path) ?? path
        let systems = ["/dev/tty": "tty", "/dev/video": "video4linux"]
        guard let system = systems.first(where: { node.hasPrefix($0.key) })?.value,
            let kind = node.split(separator: "/").last?.prefix(while: { !$0.isNumber })
        else {
            return "chgrp \(group) \(quoted(node)) && chmod 660 \(quoted(node))"
        }
        let rule = "SUBSYSTEM==\"\(system)\", KERNEL==\"\(kind)*\", GROUP=\"\(group)\", MODE=\"0660\""
        return "echo '\(rule)' >> /etc/udev/rules.d/61-scangate-local.rules && udevadm control --reload"
            + " && udevadm trigger --settle --subsystem-match=\(system)"
    }
}
