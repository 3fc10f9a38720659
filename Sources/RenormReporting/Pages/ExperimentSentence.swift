import RenormArrays
import RenormExperiments

/// What an experiment shows, in one sentence, and which runs broke.
public struct ExperimentSentence {
    /// The sentence.
    public let text: String

    /// About the setting in which the normalizations differ the most, or, where there are no two to compare, the one in which the
    /// most runs broke.
    public init(_ table: ExperimentTable) {
        let spreads = table.settings.compactMap { Spread(table, $0) }
        if let widest = spreads.max(by: { $0.gap < $1.gap }) {
            text = widest.text(table) + ExperimentSentence.broken(table, widest.setting)
            return
        }
        func brokenCount(_ setting: String) -> Int {
            table.contenders.reduce(0) { $0 + table.brokenCount($1, setting) }
        }
        let known = table.settings.filter { setting in
            table.contenders.contains { !table.runs($0, setting).isEmpty }
        }
        guard let setting = known.max(by: { brokenCount($0) < brokenCount($1) }) else {
            text = "Nothing to compare yet."
            return
        }
        let means = table.contenders.compactMap { name in
            table.interval(name, setting).map { "\(name) gets \(ExperimentSentence.percent($0.mean))" }
        }
        text =
            "With '\(setting)', "
            + (means.isEmpty
                ? "no run came to its end."
                : "\(means.joined(separator: " and ")) of the images right as deployed.")
            + ExperimentSentence.broken(table, setting)
    }

    /// The worst and the best normalization in a setting.
    private struct Spread {
        let setting: String
        let low: (name: String, mean: Double)
        let high: (name: String, mean: Double)

        var gap: Double { high.mean - low.mean }

        /// The best is one of which no run broke, if there is such a one; `nil` if there are no two.
        init?(_ table: ExperimentTable, _ setting: String) {
            let means = table.contenders.compactMap { name in
                table.interval(name, setting).map { (name: name, mean: $0.mean) }
            }
            guard let low = means.min(by: { $0.mean < $1.mean }) else { return nil }
            let best = table.best(in: setting)
            let high =
                means.first { $0.name == best && $0.name != low.name } ?? means.max { $0.mean < $1.mean }
            guard let high, high.name != low.name else { return nil }
            (self.setting, self.low, self.high) = (setting, low, high)
        }

        func text(_ table: ExperimentTable) -> String {
            let inTraining = table.interval(low.name, setting, of: \.accuracyAsTrained)?.mean
            let illusion =
                inTraining.map {
                    $0 > low.mean + 0.05 ? " (in training mode it seemed to reach \(percent($0)))" : ""
                } ?? ""
            return
                "With '\(setting)', \(high.name) gets \(percent(high.mean)) of the images right as deployed and "
                + "\(low.name) \(percent(low.mean))\(illusion)."
        }
    }

    private static func broken(_ table: ExperimentTable, _ setting: String) -> String {
        table.contenders.map { name in
            let (broken, all) = (table.brokenCount(name, setting), table.runs(name, setting).count)
            return broken > 0 ? " With \(name), \(broken) of \(all) runs broke." : ""
        }.joined()
    }

    private static func percent(_ value: Double) -> String { (value * 100).text("%.1f") + " %" }
}
