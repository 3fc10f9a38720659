import RenormArrays

/// A number that depends on the step: a learning rate, a limit of batch renormalization. A value, saved with the
/// checkpoint; a graph that uses one need not be compiled anew when the number changes.
///
///     Schedule.cosine(from: 0.1, to: 0, steps: 2000).warmedUp(over: 100).value(at: 50)  // 0.05 · …
public struct Schedule: Hashable, Sendable {
    /// The course of the number, before any warm-up.
    public indirect enum Course: Hashable, Sendable {
        /// Always the same.
        case constant(Double)
        /// Straight lines between points (step, value) in the order of their steps; level before the first and after
        /// the last.
        case linear([Point])
        /// Half a cosine wave from one value at step 0 to another at step `steps`, level afterwards: SGDR without
        /// restarts (Loshchilov & Hutter 2017).
        case cosine(from: Double, to: Double, steps: Int)
        /// A value multiplied by `factor` at each of the given steps.
        case step(initial: Double, factor: Double, at: [Int])
        /// From one value at step 0 to another at step `steps` by the same factor at every step, level afterwards: both above 0.
        case exponential(from: Double, to: Double, steps: Int)
        /// 1 − decay^(step − since + 1): the correction of an exponential average that began at 0 (Kingma & Ba 2015), at
        /// step `since`.
        case biasCorrection(decay: Double, since: Int = 0)
    }

    /// A step and the value there.
    public struct Point: Hashable, Sendable, Codable {
        /// The step, from 0.
        public var step: Int
        /// The value at that step.
        public var value: Double

        /// Makes a point.
        public init(step: Int, value: Double) {
            self.step = step
            self.value = value
        }
    }

    /// The course before any warm-up.
    public var course: Course
    /// The number of steps over which the value is scaled up linearly, reaching its course at the last of them; 0 for
    /// none.
    public var warmup: Int

    /// Makes a schedule.
    public init(_ course: Course, warmup: Int = 0) {
        self.course = course
        self.warmup = warmup
    }

    /// Always `value`.
    public static func constant(_ value: Double) -> Schedule { Schedule(.constant(value)) }

    /// Straight lines between points (step, value).
    public static func linear(_ points: [(Int, Double)]) -> Schedule {
        Schedule(.linear(points.map { Point(step: $0.0, value: $0.1) }.sorted { $0.step < $1.step }))
    }

    /// Half a cosine wave from `start` to `end` over `steps` steps.
    public static func cosine(from start: Double, to end: Double = 0, steps: Int) -> Schedule {
        Schedule(.cosine(from: start, to: end, steps: steps))
    }

    /// From `start` to `end` over `steps` steps by the same factor at every step.
    public static func exponential(from start: Double, to end: Double, steps: Int) -> Schedule {
        Schedule(.exponential(from: start, to: end, steps: steps))
    }

    /// `initial`, multiplied by `factor` at each of the given steps.
    public static func step(_ initial: Double, factor: Double = 0.1, at steps: [Int]) -> Schedule {
        Schedule(.step(initial: initial, factor: factor, at: steps))
    }

    /// The same course after a linear warm-up: at step t < `steps` the value is (t + 1) / steps of what it would be.
    public func warmedUp(over steps: Int) -> Schedule { Schedule(course, warmup: steps) }

    /// The value at a step, counted from 0.
    public func value(at step: Int) -> Double {
        let value = courseValue(at: step)
        return step < warmup ? value * Double(step + 1) / Double(warmup) : value
    }

    private func courseValue(at step: Int) -> Double {
        switch course {
        case .constant(let value):
            return value
        case .linear(let points):
            guard let first = points.first, let last = points.last else { return 0 }
            if step <= first.step { return first.value }
            if step >= last.step { return last.value }
            let next = points.firstIndex { $0.step > step }!
            let (a, b) = (points[next - 1], points[next])
            // An infinite value must not meet 0 or another infinity.
            if step == a.step || a.value == b.value { return a.value }
            let fraction = (Double(step) - Double(a.step)) / (Double(b.step) - Double(a.step))
            return a.value + (b.value - a.value) * fraction
        case .cosine(let start, let end, let steps):
            let fraction = steps > 0 ? min(Double(step) / Double(steps), 1) : 1
            let wave = Math.cosine(Double.pi * fraction)
            return end + (start - end) * 0.5 * (1 + wave)
        case .step(let initial, let factor, let milestones):
            return milestones.reduce(initial) { step >= $1 ? $0 * factor : $0 }
        case .exponential(let start, let end, let steps):
            let fraction = steps > 0 ? min(max(Double(step) / Double(steps), 0), 1) : 1
            return fraction == 1 ? end : start * Math.power(end / start, fraction)
        case .biasCorrection(let decay, let since):
            return 1 - Math.power(decay, Double(max(step - since, 0)) + 1)
        }
    }
}

extension Schedule: Checkable {
    /// The last step that a schedule may name: far more than a run makes, and so few that nothing computed of it overflows.
    package static let largestStep = 1 << 40
    /// The most points or changes.
    package static let largestLength = 10_000

    /// What is wrong with a schedule: steps that no run makes, or values of which no number can be made.
    package var fault: Fault? {
        let steps = -Schedule.largestStep...Schedule.largestStep
        func stepFault(_ step: Int, _ what: String) -> Fault? {
            Fault("\(what) \(step)", "at most 2^40", unless: steps.contains(step))
        }
        if let fault = Fault(
            "a warm-up of \(warmup) steps", "0 to 2^40", unless: (0...Schedule.largestStep).contains(warmup))
        {
            return fault
        }
        switch course {
        case .constant(let value):
            return Fault("a value of \(value)", "a number", unless: !value.isNaN)
        case .linear(let points):
            guard (1...Schedule.largestLength).contains(points.count) else {
                return Fault("\(points.count) points", "1 to \(Schedule.largestLength)")
            }
            for (index, point) in points.enumerated() {
                if let fault = stepFault(point.step, "a point at step") { return fault }
                if point.value.isNaN { return Fault("a value of NaN at step \(point.step)", "a number") }
                guard index > 0 else { continue }
                let before = points[index - 1]
                if before.step > point.step {
                    return Fault(
                        "step \(before.step) before \(point.step)", "points in the order of their steps")
                }
                if before.value.isInfinite, point.value.isInfinite, before.value != point.value {
                    return Fault("a line from \(before.value) to \(point.value)", "one with a finite end")
                }
            }
            return nil
        case .cosine(let start, let end, let length):
            return .first(
                Fault(
                    "a cosine from \(start) to \(end)", "finite numbers",
                    unless: (start - end).isFinite),
                Fault(
                    "a cosine of \(length) steps", "0 to 2^40",
                    unless: (0...Schedule.largestStep).contains(length)))
        case .step(let initial, let factor, let milestones):
            guard milestones.count <= Schedule.largestLength else {
                return Fault("\(milestones.count) changes", "at most \(Schedule.largestLength)")
            }
            return Fault(
                "\(initial) with a factor of \(factor)", "finite numbers",
                unless: initial.isFinite && factor.isFinite)
                ?? milestones.lazy.compactMap { stepFault($0, "a change at step") }.first
        case .exponential(let start, let end, let length):
            return .first(
                Fault(
                    "an exponential course from \(start) to \(end)", "numbers above 0 with a finite ratio",
                    unless: start > 0 && end > 0 && (end / start).isFinite && end / start > 0),
                Fault(
                    "an exponential course of \(length) steps", "0 to 2^40",
                    unless: (0...Schedule.largestStep).contains(length)))
        case .biasCorrection(let decay, let since):
            return .first(
                Fault("a decay of \(decay)", "at least 0 and less than 1", unless: (0..<1).contains(decay)),
                Fault(
                    "a correction since step \(since)", "0 to 2^40",
                    unless: (0...Schedule.largestStep).contains(since)))
        }
    }

    /// The values where the schedule can turn, of those in `range`: between them it rises or falls.
    package func turningValues(in range: Range<Int>) -> [Double] {
        let steps: [Int] =
            switch course {
            case .constant, .biasCorrection: []
            case .linear(let points): points.map(\.step)
            case .cosine(_, _, let steps), .exponential(_, _, let steps): [steps]
            case .step(_, _, let milestones): milestones
            }
        let warm = warmup > 0 ? [warmup - 1, warmup] : []
        return (steps + warm + [range.lowerBound, range.upperBound - 1]).filter(range.contains)
            .map { value(at: $0) }
    }

    /// The smallest value at any step from 0 on; NaN where a value is.
    package var minimum: Double {
        turningValues(in: 0..<Int.max).reduce(.infinity) { $0.isNaN || $1.isNaN ? .nan : Swift.min($0, $1) }
    }
}

extension Schedule: Codable {
    private enum Key: String, CodingKey {
        case kind, value, points, from, to, steps, factor, at, decay, since, warmup
    }

    /// Reads `{"kind": "constant", "value": 0.1, "warmup": 100}` and its like.
    ///
    /// - Throws: `DecodingError` also for steps and values out of range.
    public init(from decoder: any Decoder) throws {
        let container = try decoder.container(keyedBy: Key.self)
        warmup = try container.decodeIfPresent(Int.self, forKey: .warmup) ?? 0
        func number(_ key: Key) throws -> Double {
            try container.decode(Double.self, forKey: key)
        }
        let kind = try container.decode(String.self, forKey: .kind)
        switch kind {
        case "constant":
            course = .constant(try number(.value))
        case "linear":
            let pairs = try container.decode([[Double]].self, forKey: .points)
            let points = pairs.compactMap { pair -> Point? in
                guard pair.count == 2, let step = Int(exactly: pair[0]) else { return nil }
                return Point(step: step, value: pair[1])
            }
            guard !points.isEmpty, points.count == pairs.count else {
                throw DecodingError.dataCorruptedError(
                    forKey: .points, in: container,
                    debugDescription: "expected pairs [step, value], each step a whole number")
            }
            course = .linear(points.sorted { $0.step < $1.step })
        case "cosine":
            course = .cosine(
                from: try number(.from), to: try number(.to),
                steps: try container.decode(Int.self, forKey: .steps))
        case "step":
            course = .step(
                initial: try number(.value), factor: try number(.factor),
                at: try container.decode([Int].self, forKey: .at))
        case "exponential":
            course = .exponential(
                from: try number(.from), to: try number(.to),
                steps: try container.decode(Int.self, forKey: .steps))
        case "biasCorrection":
            course = .biasCorrection(
                decay: try number(.decay),
                since: try container.decodeIfPresent(Int.self, forKey: .since) ?? 0)
        default:
            throw DecodingError.dataCorruptedError(
                forKey: .kind, in: container,
                debugDescription:
                    "found kind '\(kind)'; expected constant, linear, cosine, exponential, step or biasCorrection"
            )
        }
        try requireNoFault(decoder)
    }

    /// Writes what `init(from:)` reads.
    public func encode(to encoder: any Encoder) throws {
        var container = encoder.container(keyedBy: Key.self)
        switch course {
        case .constant(let value):
            try container.encode("constant", forKey: .kind)
            try container.encode(value, forKey: .value)
        case .linear(let points):
            try container.encode("linear", forKey: .kind)
            try container.encode(points.map { [Double($0.step), $0.value] }, forKey: .points)
        case .cosine(let start, let end, let steps):
            try container.encode("cosine", forKey: .kind)
            try container.encode(start, forKey: .from)
            try container.encode(end, forKey: .to)
            try container.encode(steps, forKey: .steps)
        case .step(let initial, let factor, let milestones):
            try container.encode("step", forKey: .kind)
            try container.encode(initial, forKey: .value)
            try container.encode(factor, forKey: .factor)
            try container.encode(milestones, forKey: .at)
        case .exponential(let start, let end, let steps):
            try container.encode("exponential", forKey: .kind)
            try container.encode(start, forKey: .from)
            try container.encode(end, forKey: .to)
            try container.encode(steps, forKey: .steps)
        case .biasCorrection(let decay, let since):
            try container.encode("biasCorrection", forKey: .kind)
            try container.encode(decay, forKey: .decay)
            if since > 0 { try container.encode(since, forKey: .since) }
        }
        if warmup > 0 { try container.encode(warmup, forKey: .warmup) }
    }
}
