import Foundation
import RenormTraining

/// What a comparison shows, in one sentence.
public struct ExperimentSentence {
    /// The sentence.
    public let text: String

    /// About the setting in which the normalizations differ the most.
    public init(_ table: ExperimentTable) {
        func percent(_ value: Double) -> String { String(format: "%.1f %%", value * 100) }
        let spreads = table.settings.compactMap {
            setting -> (setting: String, low: String, high: String, gap: Double)? in
            let means = table.contenders.compactMap { name in
                table.interval(name, setting).map { (name, $0.mean) }
            }
            guard let low = means.min(by: { $0.1 < $1.1 }), let best = table.best(in: setting),
                let high = means.first(where: { $0.0 == best }), low.0 != high.0
            else { return nil }
            return (setting, low.0, high.0, high.1 - low.1)
        }
        guard let widest = spreads.max(by: { $0.gap < $1.gap }),
            let low = table.interval(widest.low, widest.setting)?.mean,
            let high = table.interval(widest.high, widest.setting)?.mean
        else {
            text = "Nothing to compare yet."
            return
        }
        let inTraining = table.interval(widest.low, widest.setting, of: \.accuracyAsTrained)?.mean
        let illusion =
            inTraining.map { $0 > low + 0.05 ? " (in training mode it seemed to reach \(percent($0)))" : "" }
            ?? ""
        text =
            "With '\(widest.setting)', \(widest.high) gets \(percent(high)) of the images right as deployed and "
            + "\(widest.low) \(percent(low))\(illusion)."
            + table.contenders.map { name in
                let (broken, all) = (
                    table.brokenCount(name, widest.setting), table.runs(name, widest.setting).count
                )
                return broken > 0 ? " With \(name), \(broken) of \(all) runs broke." : ""
            }.joined()
    }
}
