/// The cookies of one session, kept by libcurl's own cookie engine on the curl thread.
///
/// Made by `HTTPClient.makeCookieJar`; requests that carry it send and update its cookies. A session belongs to one
/// user of the backend: never share a jar between sessions.
public final class CookieJar: Sendable {
    let id: UInt64
    /// The cookies that the jar starts with, loaded at its first use.
    let saved: [String]
    private let mailbox: Mailbox

    init(id: UInt64, saved: [String], mailbox: Mailbox) {
        self.id = id
        self.saved = saved
        self.mailbox = mailbox
    }

    deinit { mailbox.post(.discard(jarID: id)) }

    /// Every cookie as a line of the Netscape format, secrets included: to be sealed before it reaches a disk. Empty
    /// once the client is closed.
    public func export() async -> [String] {
        await withCheckedContinuation { continuation in
            if !mailbox.post(.exportCookies(self, continuation)) { continuation.resume(returning: []) }
        }
    }

    /// Forgets every cookie, before a login begins anew.
    public func clear() { mailbox.post(.clearCookies(self)) }
}
