internal import CLinux
internal import Glibc

/// What sysfs knows of devices (sysfs(5)).
public enum Sysfs {
    /// A device's directory, and which one of that name: the kernel gives each a number of its own, so that a device that
    /// comes to the place of another is told from it.
    public struct Place: Sendable, Hashable {
        /// Without links.
        public let path: String
        /// The directory's inode.
        public let inode: UInt64

        /// A place.
        public init(path: String, inode: UInt64) { (self.path, self.inode) = (path, inode) }
    }

    /// The directory of a device, by its path; nil where there is none.
    public static func place(at path: String) -> Place? {
        var buffer = stat()
        guard let path = Files.resolved(path), stat(path, &buffer) == 0 else { return nil }
        return Place(path: path, inode: UInt64(buffer.st_ino))
    }

    /// The directory of the device that a node's path leads to now, without opening it; nil for what is no character
    /// device, or not there.
    public static func place(ofNode path: String) -> Place? {
        var buffer = stat()
        guard stat(path, &buffer) == 0 else { return nil }
        return place(of: buffer)
    }

    /// The directory of an open node's device; nil for what is no character device.
    public static func place(of descriptor: Int32) -> Place? {
        var buffer = stat()
        guard fstat(descriptor, &buffer) == 0 else { return nil }
        return place(of: buffer)
    }

    private static func place(of status: stat) -> Place? {
        guard status.st_mode & S_IFMT == S_IFCHR else { return nil }
        return place(at: "/sys/dev/char/\(scangate_major(status.st_rdev)):\(scangate_minor(status.st_rdev))")
    }
}
