internal import HTTPClient
internal import Model

/// One url of a group: a region of the backend, or a fallback's. Belongs to its `WebDelivery`.
final class WebSite {
    let index: Int
    let settings: UplinkSettings
    let target: Target
    let budgets: WebBudgets.Host
    /// How it answers; what only one session is kept from is that session's block.
    var health = UplinkHealth(limit: 1)
    var pace = Pace()
    /// Answers in a row that nobody understands, and those that were none of the backend's.
    var unknownAnswers = 0
    var foreignAnswers = 0
    /// Until when bags wait for the request budget.
    var budgetUsedUpUntilNs: Int64 = 0
    /// Why another site is used instead; nil while none has to be.
    var leftBecause: String?
    /// When its health is asked next, while another site is used.
    var askAtNs: Int64 = 0
    /// How long it is left alone: longer each time it was taken back and answered nothing.
    var askAfter: Duration = WebSite.askEvery

    static let askEvery: Duration = .seconds(30)
    private static let askEveryAtMost: Duration = .seconds(480)

    init(_ index: Int, _ settings: UplinkSettings, _ target: Target, _ budgets: WebBudgets.Host) {
        self.index = index
        self.settings = settings
        self.target = target
        self.budgets = budgets
    }

    /// It is not used from now on, for this reason.
    func leave(_ reason: String, hadSuccess: Bool, nowNs: Int64) {
        askAfter = hadSuccess || leftBecause == nil ? Self.askEvery : min(askAfter * 2, Self.askEveryAtMost)
        leftBecause = reason
        askAtNs = nowNs + askAfter.nanoseconds
    }

    /// Whether its page of health is well.
    static func isWell(_ target: Target, _ settings: UplinkSettings, _ client: HTTPClient) async -> Bool {
        let request = HTTPRequest(
            .get, target.base + settings.paths.health, policy: settings.httpPolicy, mayRepeat: true)
        do throws(HTTPClientError) { return (200..<300).contains(try await client.send(request).status) } catch {
            return false
        }
    }
}
