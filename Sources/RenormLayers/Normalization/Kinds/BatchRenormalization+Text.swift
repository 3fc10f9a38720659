import Foundation
import RenormGraphs

extension BatchRenormalization {
    /// How it corrects, and `examples`.
    public static let options = ["limits", "rate", "projection", "examples"] + MomentFilter.options

    /// Reads its options:
    ///
    /// - `limits`: `auto`, the default, or what `Limits(parsing:)` reads.
    /// - `rate`: with limits, the averaging rate; `0.05/group` is that of one update a group.
    /// - `projection`: with limits `step`, or the step's part of the projection, such as `0.95`; with automatic ones
    ///   `group`.
    /// - `examples`: `half` the run's, `all` of a batch, or a number.
    /// - With automatic limits the constants of gains (`MomentFilter.options`).
    public init(parsing text: inout NormalizationText) throws {
        let limits = text.take("limits") ?? "auto"
        examples = try text.takeExamples()
        let rate = try text.takeAveragingRate(examples: examples)
        let projection = text.take("projection")
        if limits == "auto" {
            let begun = text.run.begunWith?.kind as? BatchRenormalization
            var tuning = begun?.tuning ?? SelfTuning()
            try tuning.filter.change(by: &text)
            switch projection {
            case nil: break
            case "group": tuning.projectsOverGroups = true
            case let part?:
                throw text.failure(
                    found: "'projection=\(part)' with automatic limits",
                    expected:
                        "limits=ramp or others with it: automatic ones mix projections by their gains, or take "
                        + "projection=group")
            }
            if let rate {
                throw text.failure(
                    found: "a rate of \(rate) with automatic limits, which need none",
                    expected: "no rate, or limits with it, such as limits=ramp")
            }
            correction = .selfTuning(tuning)
        } else {
            if let option = MomentFilter.options.first(where: { text.take($0) != nil }) {
                throw text.failure(
                    found: "'\(option)', an option of gains, with limits of another kind",
                    expected: "automatic limits")
            }
            var part = 0.0
            switch projection {
            case nil, "group": break
            case "step": part = 1
            case let text2?:
                guard let number = Double(text2), (0...1).contains(number) else {
                    throw text.failure(
                        found: "'projection=\(text2)'",
                        expected: "projection=group, step, or the step's part, 0 to 1")
                }
                part = number
            }
            correction = .limits(
                try Limits(parsing: limits, in: text), averagingRate: rate ?? 0.05, stepProjection: part)
        }
    }

    /// The options that are not the defaults.
    public var optionTexts: [String] {
        let own: [String?]
        switch correction {
        case .selfTuning(let tuning):
            own = [tuning.projectsOverGroups ? "projection=group" : nil] + tuning.filter.optionTexts
        case .limits(let limits, let rate, let projection):
            own = [
                "limits=\(limits)", rate == 0.05 ? nil : "rate=\(rate)",
                projection == 0 ? nil : projection == 1 ? "projection=step" : "projection=\(projection)",
            ]
        }
        return own.compactMap(\.self) + (examples.map { ["examples=\($0)"] } ?? [])
    }
}

extension BatchRenormalization {
    private enum Key: String, CodingKey { case limits, averagingRate, stepProjection, examples }
    private enum LimitsKey: String, CodingKey { case selfTuning = "self_tuning" }

    /// Reads `{"limits": {"self_tuning": {…}}}` or `{"limits": {"r_max": SCHEDULE, "d_max": SCHEDULE}, "averagingRate": 0.05}`,
    /// with `examples` where there are any.
    public init(from decoder: any Decoder) throws {
        let container = try decoder.container(keyedBy: Key.self)
        examples = try container.decodeIfPresent(Int.self, forKey: .examples)
        let limits = try container.nestedContainer(keyedBy: LimitsKey.self, forKey: .limits)
        if let tuning = try limits.decodeIfPresent(SelfTuning.self, forKey: .selfTuning) {
            correction = .selfTuning(tuning)
        } else {
            correction = .limits(
                try container.decode(Limits.self, forKey: .limits),
                averagingRate: try container.decode(Double.self, forKey: .averagingRate),
                stepProjection: try container.decodeIfPresent(Double.self, forKey: .stepProjection) ?? 0)
        }
    }

    /// Writes what `init(from:)` reads.
    public func encode(to encoder: any Encoder) throws {
        var container = encoder.container(keyedBy: Key.self)
        try container.encodeIfPresent(examples, forKey: .examples)
        switch correction {
        case .selfTuning(let tuning):
            var limits = container.nestedContainer(keyedBy: LimitsKey.self, forKey: .limits)
            try limits.encode(tuning, forKey: .selfTuning)
        case .limits(let limits, let averagingRate, let stepProjection):
            try container.encode(limits, forKey: .limits)
            try container.encode(averagingRate, forKey: .averagingRate)
            try container.encode(stepProjection, forKey: .stepProjection)
        }
    }
}
