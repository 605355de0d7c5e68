/// The program's version: `CHANGELOG.md` names what each one has.
public enum Version {
    /// As `--version`, `status` and requests name it.
    public static let text = "0.1.0"
}
