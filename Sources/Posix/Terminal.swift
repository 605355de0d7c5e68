internal import Glibc

/// The terminal of a command.
public enum Terminal {
    /// Columns and rows of a descriptor's terminal (tty_ioctl(4)); nil where it is none, or does not say.
    public static func size(of descriptor: Int32) -> (columns: Int, rows: Int)? {
        var size = winsize()
        guard ioctl(descriptor, UInt(TIOCGWINSZ), &size) == 0, size.ws_col > 0, size.ws_row > 0 else { return nil }
        return (Int(size.ws_col), Int(size.ws_row))
    }
}
