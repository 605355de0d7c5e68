internal import Model

/// One session at one site: its cookies, what it knows, and what it is at. Belongs to its `WebDelivery`.
final class WebSeat {
    /// What keeps this session alone from its work.
    struct Block {
        var state: UplinkState
        var text: String
        var untilNs: Int64
        /// The login budget is used up: no trouble while other sessions stand.
        var isBudget = false
    }

    let index: Int
    let site: WebSite
    /// Under which its cookies are saved.
    let name: String
    let web: WebClient
    let sleeper: Sleeper
    var session: WebSession
    var block: Block?
    var isLoggingIn = false
    var loginAttempts = 0
    /// The digest of the password that the backend refused last.
    var refusedPassword: [UInt8]?
    var underWay: Task<Void, Never>?

    init(_ index: Int, _ site: WebSite, name: String, web: WebClient, isRestored: Bool) {
        self.index = index
        sleeper = Sleeper(index)
        self.site = site
        self.name = name
        self.web = web
        session = WebSession(restored: isRestored)
    }
}

/// Somebody who waits for news, or for a time. Belongs to its `WebDelivery`.
final class Sleeper {
    /// The session's number; nil where it is none.
    let index: Int?
    var parked: CheckedContinuation<Void, Never>?
    var isNews = false

    init(_ index: Int?) { self.index = index }

    /// Ends the waiting, or the next one at once.
    func wake() {
        isNews = true
        parked?.resume()
        parked = nil
    }
}
