import RenormFormats

extension Limits: CustomStringConvertible {
    /// What `init(parsing:in:)` reads.
    public static let forms =
        "ramp, ramp:FROM:TO:R:D (as ramp:0.3:0.8:3:5), paper, paper:STEPS, open, closed or {\"r_max\": SCHEDULE, \"d_max\": SCHEDULE}"

    /// Reads limits:
    ///
    /// - `ramp`: `forRun(of:)`; `ramp:FROM:TO:R:D`: the same with other parts of the run and limits.
    /// - `paper`, and `paper:STEPS` with r_max fully open at that step.
    /// - `open` or `closed`.
    /// - Their JSON form, without white space.
    ///
    /// - Throws: `NormalizationTextError` for anything else, and for a ramp where the length of the run is not known.
    public init(parsing limits: String, in text: NormalizationText) throws {
        func failure() -> NormalizationTextError {
            text.failure(found: "'limits=\(limits)'", expected: "limits=auto, \(Limits.forms)")
        }
        if limits.hasPrefix("{") {
            do {
                self = try JSONCoder.decode(Limits.self, from: limits)
            } catch {
                throw failure()
            }
            return
        }
        func steps() throws -> Int {
            guard let steps = text.run.steps else {
                throw text.failure(
                    found: "'limits=\(limits)' for a run of unknown length",
                    expected: "a number of steps, or limits that do not depend on it")
            }
            return steps
        }
        let words = limits.split(separator: ":", omittingEmptySubsequences: false).map(String.init)
        let numbers = words.dropFirst().compactMap(Double.init)
        guard numbers.count == words.count - 1 else { throw failure() }
        switch (words[0], numbers.count) {
        case ("ramp", 0): self = .forRun(of: try steps())
        case ("paper", 0): self = .paper
        case ("open", 0): self = .open
        case ("closed", 0): self = .closed
        case ("paper", 1):
            guard let step = Int(exactly: numbers[0]), (1...1 << 40).contains(step) else { throw failure() }
            self = .paper(fullyOpenAt: step)
        case ("ramp", 4):
            guard 0 <= numbers[0], numbers[0] <= numbers[1], numbers[1] <= 1, numbers[2] >= 1, numbers[3] >= 0
            else { throw failure() }
            let steps = try steps()
            func part(_ part: Double) -> Int {
                Int(exactly: (part * Double(steps)).rounded(.towardZero)) ?? .max
            }
            self = .ramp(
                from: part(numbers[0]), rMax: numbers[2], at: part(numbers[1]), dMax: numbers[3],
                at: part(numbers[1]))
        default: throw failure()
        }
    }

    /// The text that `init(parsing:in:)` reads: a word where there is one, else the JSON form.
    public var description: String {
        switch self {
        case .open: return "open"
        case .closed: return "closed"
        case .paper: return "paper"
        default:
            guard let json = try? JSONCoder.encode(self) else {
                preconditionFailure("limits that JSON cannot hold")
            }
            return json
        }
    }
}
