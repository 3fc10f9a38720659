import RenormArrays
import RenormGraphs

/// How far batch renormalization corrects a batch: `automatic`, by gains that tune themselves, or within limits, r in
/// 1 / r_max … r_max and d in ±d_max, both by schedules over the steps (Ioffe 2017, section 3).
public struct Limits: Sendable, Hashable {
    /// r_max, at least 1.
    public var rMax: Schedule
    /// d_max, at least 0.
    public var dMax: Schedule
    /// What takes the place of limits and of the averaging rate, if anything does.
    public var selfTuning: SelfTuning?

    /// Makes limits.
    public init(rMax: Schedule, dMax: Schedule) {
        self.rMax = rMax
        self.dMax = dMax
    }

    /// Makes a correction that tunes itself; its `MomentFilter` has the limits that remain.
    public init(_ selfTuning: SelfTuning) {
        self = .open
        self.selfTuning = selfTuning
    }

    /// Nothing to choose: averages follow each group by a gain that tunes itself, and the group is normalized with the
    /// averages after it, within r ≤ 3 and d ≤ 5 for 500 steps and wider limits later. With large independent batches that becomes
    /// batch normalization, with small or biased ones the moving averages. See `SelfTuning`.
    public static let automatic = Limits(SelfTuning())

    /// r = 1 and d = 0: batch normalization.
    public static let closed = Limits(rMax: .constant(1), dMax: .constant(0))

    /// No limits: the training output is the inference output.
    public static let open = Limits(rMax: .constant(.infinity), dMax: .constant(.infinity))

    /// The paper's: closed for 5,000 steps, then r_max rises to 3 at step 40,000 and d_max to 5 at step 25,000,
    /// linearly.
    public static let paper = paper(fullyOpenAt: 40_000)

    /// The paper's proportions over another length: r_max is fully open at `step` (the paper's 40,000), d_max at 5/8 of
    /// it, and both are closed until 1/8.
    public static func paper(fullyOpenAt step: Int) -> Limits {
        ramp(from: step / 8, rMax: 3, at: step, dMax: 5, at: step.part(5, of: 8))
    }

    /// Closed until `start`, then rising linearly to `rMax` at one step and `dMax` at another; at `start` at once where
    /// that step is not later.
    public static func ramp(
        from start: Int, rMax: Double, at rStep: Int, dMax: Double, at dStep: Int
    ) -> Limits {
        func rise(_ closed: Double, _ open: Double, _ end: Int) -> Schedule {
            if end > start { return .linear([(start, closed), (end, open)]) }
            return start <= 0 ? .constant(open) : .linear([(start - 1, closed), (start, open)])
        }
        return Limits(rMax: rise(1, rMax, rStep), dMax: rise(0, dMax, dStep))
    }

    /// What measured best on Fashion-MNIST for a run of `steps` steps: closed for the first 30 %, fully open (r_max 3,
    /// d_max 5) from 80 % on. Short runs need it later than the paper's proportions, because the averages lag behind
    /// weights that still move fast.
    public static func forRun(of steps: Int) -> Limits {
        ramp(
            from: steps.part(3, of: 10), rMax: 3, at: steps.part(8, of: 10), dMax: 5,
            at: steps.part(8, of: 10))
    }
}

extension Int {
    /// self · numerator / denominator, rounded down, without a larger number on the way.
    fileprivate func part(_ numerator: Int, of denominator: Int) -> Int {
        self / denominator * numerator + self % denominator * numerator / denominator
    }
}

extension Limits: Checkable {
    /// What is wrong with the limits.
    package var fault: Fault? {
        if let fault = rMax.fault ?? dMax.fault ?? selfTuning?.filter.fault { return fault }
        return .first(
            Fault("limits whose r_max falls to \(rMax.minimum)", "at least 1", unless: rMax.minimum >= 1),
            Fault("limits whose d_max falls to \(dMax.minimum)", "at least 0", unless: dMax.minimum >= 0))
    }
}

extension Limits: Codable {
    private enum CodingKeys: String, CodingKey {
        case rMax = "r_max"
        case dMax = "d_max"
        case selfTuning = "self_tuning"
    }

    /// Reads `{"r_max": SCHEDULE, "d_max": SCHEDULE}` or `{"self_tuning": {…}}`.
    ///
    /// - Throws: `DecodingError` also for limits out of range.
    public init(from decoder: any Decoder) throws {
        let container = try decoder.container(keyedBy: CodingKeys.self)
        if let selfTuning = try container.decodeIfPresent(SelfTuning.self, forKey: .selfTuning) {
            self.init(selfTuning)
        } else {
            self.init(
                rMax: try container.decode(Schedule.self, forKey: .rMax),
                dMax: try container.decode(Schedule.self, forKey: .dMax))
        }
        try requireNoFault(decoder)
    }

    /// Writes what `init(from:)` reads.
    public func encode(to encoder: any Encoder) throws {
        var container = encoder.container(keyedBy: CodingKeys.self)
        if let selfTuning {
            try container.encode(selfTuning, forKey: .selfTuning)
        } else {
            try container.encode(rMax, forKey: .rMax)
            try container.encode(dMax, forKey: .dMax)
        }
    }
}
