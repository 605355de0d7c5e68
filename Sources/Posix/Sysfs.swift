internal import CLinux
internal import Glibc

/// What sysfs knows of devices (sysfs(5)).
public enum Sysfs {
    /// The place of an open node's device, without links, or nil for what is no character device.
    public static func place(of descriptor: Int32) -> String? {
        var buffer = stat()
        guard fstat(descriptor, &buffer) == 0, buffer.st_mode & S_IFMT == S_IFCHR else { return nil }
        return Files.resolved("/sys/dev/char/\(scangate_major(buffer.st_rdev)):\(scangate_minor(buffer.st_rdev))")
    }
}
