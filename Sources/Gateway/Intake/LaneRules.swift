internal import Gate
internal import Model

/// What the intake judges by.
struct LaneRules: Sendable {
    var labels: LabelRules
    var defaults: LaneSettings
    var lanes: [LaneID: LaneSettings]

    func settings(for lane: LaneID) -> LaneSettings { lanes[lane] ?? defaults }
}
