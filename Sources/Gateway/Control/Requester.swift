internal import Glibc
internal import Posix

/// Who asks for a command: the kernel's word over the control socket, or this process.
struct Requester: Sendable {
    let user: UInt32
    let process: Int32

    /// The user that runs this process, seen before it took on the rights of the state directory's owner.
    static var current: Requester { Requester(user: getuid(), process: getpid()) }

    /// Root, who may see keys again.
    var isRoot: Bool { user == 0 }

    /// As the audit log names it.
    var text: String { "\(Users.name(user)) (uid \(user), pid \(process))" }

    /// Whether the other end of a connection may give commands: root, the daemon's own user, or a member of the group.
    static func isAdmin(_ peer: PeerCredentials, adminGroup: UInt32?) -> Bool {
        if peer.user == 0 || peer.user == geteuid() { return true }
        guard let adminGroup else { return false }
        return peer.group == adminGroup || Users.groups(of: peer.user, primary: peer.group).contains(adminGroup)
    }
}
