import RenormGraphs
import RenormLayers

/// A way of normalizing that is compared with others: a kind with its options, the same for all layers.
///
/// As text: the kind, then options in any order, with a name of one's own before them if wanted:
///
///     batch
///     batch examples=half
///     BRN by hand: batch-renorm limits=ramp:0.3:0.8:3:5 rate=0.05
///     group:8 learning-rate=0.05
///
/// - `limits`: of batch renorm, as `LimitsChoice` reads them; automatic by default.
/// - `rate`: the averaging rate; `rate=0.05/group` is the rate of one update a group, 1 − (1 − rate)^groups a step.
/// - `gain`: with automatic limits, a gain that never changes; `floor`, `adaptation`, `margin`, `memory`, `r-max`, `d-max`,
///   `widening`, `spread` (log, mean or total): other constants.
/// - `projection`: `group`, or `step`, or the step's part of it, such as `0.95`.
/// - `examples`: `half` the setting's groups, `all` of a batch, or a number.
/// - `learning-rate`: another one than the comparison's.
public struct Contender: Sendable, Hashable {
    /// What it is called.
    public var name: String
    /// The text that it was read from, without the name.
    public var text: String

    private var kind: NormalizationKind
    private var limits: LimitsChoice
    private var rate: Rate?
    private var projection: Projection?
    private var gains: [MomentFilterChange]
    private var examples: Examples
    /// The learning rate, if it has one of its own.
    public var learningRate: Double?

    private enum Rate: Hashable { case step(Double), group(Double) }
    private enum Projection: Hashable { case group, step(Double) }
    private enum Examples: Hashable { case asSet, half, all, number(Int) }

    /// Reads the text form.
    ///
    /// - Throws: `ExperimentError.contender`.
    public init(_ description: String) throws {
        let parts = description.split(separator: ": ", maxSplits: 1).map(String.init)
        text = parts.last ?? ""
        var words = text.split(separator: " ").map(String.init)
        guard !words.isEmpty, let kind = NormalizationKind(words.removeFirst()) else {
            throw ExperimentError.contender(
                text: description, found: "no normalization in '\(text)'", expected: NormalizationKind.names)
        }
        self.kind = kind
        name = parts.count > 1 ? parts[0] : text
        (limits, gains, examples) = (.automatic, [], .asSet)
        for word in words { try read(word, in: description) }
        // What would have no effect is a mistake.
        if !kind.hasMovingAverages || kind == .frozen, rate != nil {
            throw ExperimentError.contender(
                text: description, found: "a rate of \(kind)",
                expected: "none, because it has no moving averages that move")
        }
        if kind != .batch, kind != .batchRenorm, examples != .asSet {
            throw ExperimentError.contender(
                text: description, found: "examples of \(kind)",
                expected: "them with batch and batch-renorm alone, which normalize examples together")
        }
        if kind != .batchRenorm, limits != .automatic || !gains.isEmpty || projection != nil {
            throw ExperimentError.contender(
                text: description, found: "limits, gains or a projection of \(kind)",
                expected: "them with batch-renorm alone")
        }
        guard kind == .batchRenorm else { return }
        if limits == .automatic, case .step = projection {
            throw ExperimentError.contender(
                text: description, found: "a projection over the step with automatic limits",
                expected:
                    "limits=ramp or others with it: automatic ones mix projections by their gains, or take projection=group"
            )
        }
        if limits == .automatic, rate != nil {
            throw ExperimentError.contender(
                text: description, found: "a rate with automatic limits",
                expected: "limits that need one, such as limits=ramp, or gain=, a gain that never changes")
        }
        if limits != .automatic, !gains.isEmpty {
            throw ExperimentError.contender(
                text: description, found: "options of gains with limits of another kind",
                expected: "automatic limits")
        }
    }

    private mutating func read(_ word: String, in description: String) throws {
        let pair = word.split(separator: "=", maxSplits: 1).map(String.init)
        func fail(_ expected: String) -> ExperimentError {
            .contender(text: description, found: "'\(word)'", expected: expected)
        }
        func number(_ text: String, _ range: ClosedRange<Double>, _ expected: String) throws -> Double {
            guard let value = Double(text), range.contains(value) else { throw fail(expected) }
            return value
        }
        guard pair.count == 2 else { throw fail("options such as rate=0.05") }
        let (option, value) = (pair[0], pair[1])
        switch option {
        case "limits":
            guard let choice = LimitsChoice(value) else { throw fail("limits=\(LimitsChoice.names)") }
            limits = choice
        case "rate":
            let isPerGroup = value.hasSuffix("/group")
            let rate = try number(isPerGroup ? String(value.dropLast(6)) : value, 0...1, "rate=0 to 1")
            self.rate = isPerGroup ? .group(rate) : .step(rate)
        case "projection":
            projection =
                value == "group"
                ? .group
                : .step(
                    value == "step"
                        ? 1 : try number(value, 0...1, "projection=group, step, or the step's part, 0 to 1"))
        case "examples":
            switch value {
            case "half": examples = .half
            case "all": examples = .all
            default:
                guard let count = Int(value), count > 0 else { throw fail("examples=half, all or a number") }
                examples = .number(count)
            }
        case "learning-rate":
            learningRate = try number(value, 1e-12...1e12, "learning-rate= a number above 0")
        default:
            guard let change = MomentFilterChange(option: option, value: value) else {
                throw fail(
                    "limits, rate, projection, examples, learning-rate, gain, floor, adaptation, margin, memory, "
                        + "r-max, d-max, widening or spread, each with its value")
            }
            gains.append(change)
        }
    }

    /// Whether it normalizes otherwise in inference than in training.
    var hasMovingAverages: Bool { kind.hasMovingAverages }

    /// The examples of a batch that it normalizes together in a setting.
    public func examplesTogether(in setting: ExperimentSetting) -> Int {
        switch examples {
        case .asSet: setting.examples
        case .half: max(setting.examples / 2, 1)
        case .all: setting.batchSize
        case .number(let count): count
        }
    }

    /// The layer in a setting, in a run of so many steps.
    public func normalization(in setting: ExperimentSetting, steps: Int) -> Normalization {
        let together = examplesTogether(in: setting)
        let groups = max(setting.batchSize / together, 1)
        var limits = limits.limits(steps: steps)
        if var tuning = limits.selfTuning {
            for change in gains { change.apply(to: &tuning.filter) }
            tuning.projectsOverGroups = projection == .group
            limits = Limits(tuning)
        }
        var averagingRate: Double?
        switch rate {
        case nil: averagingRate = nil
        case .step(let rate): averagingRate = rate
        case .group(let rate):
            averagingRate = 1 - (0..<groups).reduce(1.0) { kept, _ in kept * (1 - rate) }
        }
        var stepProjection = 0.0
        if case .step(let part) = projection { stepProjection = part }
        return Normalization(
            kind, averagingRate: averagingRate, limits: limits, stepProjection: stepProjection,
            examples: together == setting.batchSize ? nil : together)
    }
}

/// A change of one constant of the gains.
private enum MomentFilterChange: Hashable {
    case gain(Double), floor(Double), adaptation(Double), margin(Double), memory(Double), significance(Double)
    case rMax(Double), dMax(Double), widening(Double)
    case spread(arithmetic: Bool, total: Bool)

    init?(option: String, value: String) {
        if option == "spread" {
            switch value {
            case "log": self = .spread(arithmetic: false, total: false)
            case "mean": self = .spread(arithmetic: true, total: false)
            case "total": self = .spread(arithmetic: false, total: true)
            case "total-mean": self = .spread(arithmetic: true, total: true)
            default: return nil
            }
            return
        }
        guard let number = Double(value), number >= 0, number.isFinite else { return nil }
        switch option {
        case "gain": self = .gain(number)
        case "floor": self = .floor(number)
        case "adaptation": self = .adaptation(number)
        case "margin": self = .margin(number)
        case "memory": self = .memory(number)
        case "significance": self = .significance(number)
        case "r-max": self = .rMax(number)
        case "d-max": self = .dMax(number)
        case "widening": self = .widening(number)
        default: return nil
        }
    }

    func apply(to filter: inout MomentFilter) {
        switch self {
        case .gain(let gain): (filter.floor, filter.ceiling, filter.significance) = (gain, gain, .infinity)
        case .floor(let floor): filter.floor = floor
        case .adaptation(let adaptation): filter.adaptation = adaptation
        case .margin(let margin): filter.margin = margin
        case .memory(let memory): filter.memory = memory
        case .significance(let times): filter.significance = times
        case .rMax(let limit): filter.rMax = limit
        case .dMax(let limit): filter.dMax = limit
        case .widening(let rate): filter.widening = rate
        case .spread(let arithmetic, let total): (filter.isArithmetic, filter.isTotal) = (arithmetic, total)
        }
    }
}
