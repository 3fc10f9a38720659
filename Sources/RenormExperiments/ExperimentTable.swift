/// The results of an experiment by contender and setting.
public struct ExperimentTable: Sendable {
    /// The contenders' names, in the order asked for.
    public let contenders: [String]
    /// The settings' names, in the order asked for.
    public let settings: [String]
    private let results: [String: [String: [ExperimentResult]]]

    /// Sorts results; those of other contenders and settings are left out.
    public init(
        _ all: [ExperimentResult], contenders: [Experiment.Contender], settings: [Experiment.Setting],
        seeds: [UInt64]
    ) {
        self.contenders = contenders.map(\.name)
        self.settings = settings.map(\.name)
        let known = Dictionary(all.map { ($0.key, $0) }, uniquingKeysWith: { _, last in last })
        var results: [String: [String: [ExperimentResult]]] = [:]
        for contender in contenders {
            for setting in settings {
                results[contender.name, default: [:]][setting.name] = seeds.compactMap { seed in
                    known[
                        ExperimentResult.Key(contender: contender.text, setting: setting.text, seed: seed)]
                }
            }
        }
        self.results = results
    }

    /// All runs of one cell, in the order of seeds.
    public func runs(_ contender: String, _ setting: String) -> [ExperimentResult] {
        results[contender]?[setting] ?? []
    }

    /// Those whose training did not break: the averages are of these.
    public func finished(_ contender: String, _ setting: String) -> [ExperimentResult] {
        runs(contender, setting).filter { $0.notFinite == nil }
    }

    /// How many runs of one cell broke: something in training was not finite.
    public func brokenCount(_ contender: String, _ setting: String) -> Int {
        runs(contender, setting).count - finished(contender, setting).count
    }

    /// Accuracy as deployed in percent, with half the width of the mean's 95 % interval and the number of runs that broke.
    public func text(_ contender: String, _ setting: String) -> String {
        let mean = interval(contender, setting)?.percent ?? "–"
        let broken = brokenCount(contender, setting)
        return broken > 0 ? "\(mean) (\(broken) broke)" : mean
    }

    /// Something of the runs of one cell that did not break, averaged over seeds; `nil` without runs that have it.
    public func interval(
        _ contender: String, _ setting: String, of value: (ExperimentResult) -> Double? = \.accuracy
    ) -> Interval? {
        Interval(finished(contender, setting).compactMap(value))
    }

    /// The difference of accuracy between two contenders in a setting, paired by seed: `contender` − `other`.
    public func difference(_ contender: String, _ other: String, in setting: String) -> Interval? {
        let others = Dictionary(
            finished(other, setting).map { ($0.seed, $0.accuracy) }, uniquingKeysWith: { first, _ in first })
        return Interval(
            finished(contender, setting).compactMap { run in others[run.seed].map { run.accuracy - $0 } })
    }

    /// The contender with the best mean in a setting, of those with which no run broke.
    public func best(in setting: String) -> String? {
        contenders
            .filter { finished($0, setting).count == runs($0, setting).count }
            .compactMap { name in interval(name, setting).map { (name, $0.mean) } }.max { $0.1 < $1.1 }?.0
    }
}
