/// Limits by a word, some of which depend on the length of the run.
public enum LimitsChoice: Sendable, Hashable {
    /// `Limits.automatic`.
    case automatic
    /// `Limits.forRun`.
    case forRun
    /// A ramp between two parts of the run, from closed to `rMax` and `dMax`.
    case ramp(from: Double, to: Double, rMax: Double, dMax: Double)
    /// Limits that do not depend on the run's length.
    case fixed(Limits)

    /// What `init(_:)` reads.
    public static let names =
        "auto, ramp, ramp:FROM:TO:R:D (as ramp:0.3:0.8:3:5), paper, paper:STEPS, open or closed"

    /// Reads one of `names`; `nil` for anything else.
    public init?(_ text: String) {
        let words = text.split(separator: ":", omittingEmptySubsequences: false).map(String.init)
        let numbers = words.dropFirst().compactMap(Double.init)
        guard numbers.count == words.count - 1, let name = words.first else { return nil }
        switch (name, numbers.count) {
        case ("auto", 0): self = .automatic
        case ("ramp", 0): self = .forRun
        case ("paper", 0): self = .fixed(.paper)
        case ("open", 0): self = .fixed(.open)
        case ("closed", 0): self = .fixed(.closed)
        case ("paper", 1):
            guard let step = Int(exactly: numbers[0]), (1...1 << 40).contains(step) else { return nil }
            self = .fixed(.paper(fullyOpenAt: step))
        case ("ramp", 4):
            guard 0 <= numbers[0], numbers[0] <= numbers[1], numbers[1] <= 1, numbers[2] >= 1, numbers[3] >= 0
            else { return nil }
            self = .ramp(from: numbers[0], to: numbers[1], rMax: numbers[2], dMax: numbers[3])
        default: return nil
        }
    }

    /// The limits of a run of so many steps.
    public func limits(steps: Int) -> Limits {
        switch self {
        case .automatic: .automatic
        case .forRun: .forRun(of: steps)
        case .ramp(let from, let to, let rMax, let dMax):
            .ramp(
                from: LimitsChoice.part(from, of: steps), rMax: rMax, at: LimitsChoice.part(to, of: steps),
                dMax: dMax, at: LimitsChoice.part(to, of: steps))
        case .fixed(let limits): limits
        }
    }

    private static func part(_ part: Double, of steps: Int) -> Int {
        Int(exactly: (part * Double(steps)).rounded(.towardZero)) ?? .max
    }
}
