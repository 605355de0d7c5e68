internal import CUdev
internal import Glibc
public import Posix

/// The device nodes of some subsystems: those that are there, and what becomes of them (libudev(3)).
///
/// Confined to its poll thread after `watch`. Where udevd runs its word is waited for, since only then a node has its
/// rights; elsewhere, in a container, the kernel's.
public final class UdevMonitor {
    /// Subsystems, each with patterns of the device names that count (`event*`).
    public typealias Filter = [(subsystem: String, names: [String])]

    /// What happened.
    public enum Change: Sendable {
        /// A device came, changed or went.
        case device(UdevDevice)
        /// Events were lost: `devices` has to be asked again.
        case lost
    }

    private let filter: Filter
    private let udev: OpaquePointer
    private var monitor: OpaquePointer?
    private var token: PollThread.Token?
    private var poll: PollThread?

    /// A view of the attached devices; nothing is watched yet.
    public init(_ filter: Filter) throws(SystemError) {
        guard let udev = udev_new() else { throw SystemError("use", "libudev") }
        self.udev = udev
        self.filter = filter
    }

    deinit {
        if let monitor { udev_monitor_unref(monitor) }
        udev_unref(udev)
    }

    /// The nodes that are there now, in the order of sysfs.
    public func devices() -> [UdevDevice] {
        filter.flatMap { subsystem, names -> [UdevDevice] in
            guard let list = udev_enumerate_new(udev) else { return [] }
            defer { udev_enumerate_unref(list) }
            udev_enumerate_add_match_subsystem(list, subsystem)
            for name in names { udev_enumerate_add_match_sysname(list, name) }
            guard udev_enumerate_scan_devices(list) >= 0 else { return [] }
            var found: [UdevDevice] = []
            var entry = udev_enumerate_get_list_entry(list)
            while let one = entry {
                entry = udev_list_entry_get_next(one)
                // It may have gone since.
                guard let path = udev_list_entry_get_name(one), let device = udev_device_new_from_syspath(udev, path)
                else { continue }
                defer { udev_device_unref(device) }
                if let device = UdevDevice(device, isPresent: true) { found.append(device) }
            }
            return found
        }
    }

    /// Calls `changed` on the poll thread for each device that comes, changes or goes from now on. Once, on the poll
    /// thread; `devices` is to be asked afterwards, or what comes in between is missed.
    public func watch(on poll: PollThread, _ changed: @escaping @Sendable () -> Void) throws(SystemError) {
        let group = access("/run/udev/control", F_OK) == 0 ? "udev" : "kernel"
        guard let monitor = udev_monitor_new_from_netlink(udev, group) else {
            throw SystemError("watch", "the devices that come and go")
        }
        self.monitor = monitor
        for (subsystem, _) in filter {
            udev_monitor_filter_add_match_subsystem_devtype(monitor, subsystem, nil)
        }
        // A hub with eight scanners makes some hundred events at once.
        udev_monitor_set_receive_buffer_size(monitor, 1 << 20)
        guard udev_monitor_enable_receiving(monitor) >= 0 else {
            throw SystemError("watch", "the devices that come and go")
        }
        self.poll = poll
        token = try poll.watch(udev_monitor_get_fd(monitor), for: .readable, named: "udev") { _ in changed() }
    }

    /// The changes that wait, in order; to be asked whenever `changed` was called.
    public func changes() -> [Change] {
        guard let monitor else { return [] }
        var changes: [Change] = []
        // Bounded: a driver gone wild must not keep the poll thread from its scanners.
        for _ in 0..<256 {
            errno = 0
            guard let device = udev_monitor_receive_device(monitor) else {
                if errno == ENOBUFS { changes.append(.lost) }
                break
            }
            defer { udev_device_unref(device) }
            guard let action = udev_device_get_action(device).map({ String(cString: $0) }), isWanted(device),
                let one = UdevDevice(device, isPresent: action != "remove")
            else { continue }
            changes.append(.device(one))
        }
        return changes
    }

    /// Ends the watch; on the poll thread.
    public func stop() {
        if let token { poll?.unwatch(token) }
        token = nil
        if let monitor { udev_monitor_unref(monitor) }
        monitor = nil
    }

    private func isWanted(_ device: OpaquePointer) -> Bool {
        guard let subsystem = udev_device_get_subsystem(device), let name = udev_device_get_sysname(device) else {
            return false
        }
        return filter.contains { one in
            one.subsystem == String(cString: subsystem) && one.names.contains { fnmatch($0, name, 0) == 0 }
        }
    }
}
