import Foundation
import RenormFormats
import RenormLayers

/// A line of a run's history (`RunFolder.history`): something that happened in it, after how many steps and when.
///
/// As JSON an object: `{"accuracy":0.9,…,"event":"steps","step":20,"time":1764453905.25}`.
public struct HistoryEntry: Sendable, Hashable {
    /// What happened.
    public enum Event: Sendable, Hashable {
        /// A session of the run began or went on: with a resumption everything after its step has not happened.
        case session(Session)
        /// Steps were made.
        case steps(Stretch)
        /// A set was evaluated.
        case evaluation(Measured)
        /// The normalizations were looked at.
        case watch(WatchReport)
        /// A stage began.
        case stage(StageReport)
        /// A batch was skipped.
        case skipped(SkipReport)
        /// Something that the user should know.
        case warning(String)
        /// The run came to its end.
        case finished(chosenStep: Int)
    }

    /// How a session began.
    public struct Session: Sendable, Hashable, Codable {
        /// Steps of the whole run.
        public var steps: Int
        /// Steps of an epoch.
        public var stepsPerEpoch: Int
        /// Examples of a step.
        public var examplesPerStep: Int
    }

    /// Steps in a row, summed up.
    public struct Stretch: Sendable, Hashable, Codable {
        /// The number of steps.
        public var steps: Int
        /// The mean loss.
        public var loss: Double
        /// The part of the examples that was classified rightly, before the updates.
        public var accuracy: Double
        /// The mean norm of the gradients, before clipping.
        public var gradientNorm: Double
        /// The learning rate of the last step.
        public var learningRate: Double
        /// What the schedules of normalizations said in the last step.
        public var normalization: NormalizationReadings
        /// Images a second.
        public var imagesPerSecond: Double
    }

    /// The result of an evaluation.
    public struct Measured: Sendable, Hashable, Codable {
        /// What was evaluated.
        public var set: EvaluationSet
        /// The part of the examples that was classified rightly.
        public var accuracy: Double
        /// The mean cross-entropy.
        public var loss: Double
        /// The number of examples.
        public var examples: Int
        /// The mean probability of what is predicted.
        public var meanConfidence: Double?
        /// The expected calibration error.
        public var calibrationError: Double?
        /// Whether it was the best so far of the validation set.
        public var isBest: Bool
    }

    /// Steps made.
    public var step: Int
    /// When: seconds since 1970.
    public var time: Double
    /// What.
    public var event: Event

    /// Makes an entry.
    public init(step: Int, time: Double, _ event: Event) {
        (self.step, self.time, self.event) = (step, time, event)
    }
}

extension HistoryEntry: Codable {
    private enum Key: String, CodingKey { case event, step, time, message, chosenStep }

    /// Reads what `encode(to:)` writes.
    ///
    /// - Throws: `DecodingError` also for an event that is not known.
    public init(from decoder: any Decoder) throws {
        let container = try decoder.container(keyedBy: Key.self)
        step = try container.decode(Int.self, forKey: .step)
        time = try container.decode(Double.self, forKey: .time)
        guard step >= 0, time.isFinite else {
            throw DecodingError.dataCorruptedError(
                forKey: .step, in: container,
                debugDescription: "found step \(step) at \(time); expected a step of at least 0 at a time")
        }
        let word = try container.decode(String.self, forKey: .event)
        switch word {
        case "session": event = .session(try Session(from: decoder))
        case "steps": event = .steps(try Stretch(from: decoder))
        case "evaluation": event = .evaluation(try Measured(from: decoder))
        case "watch": event = .watch(try WatchReport(from: decoder))
        case "stage": event = .stage(try StageReport(from: decoder))
        case "skipped": event = .skipped(try SkipReport(from: decoder))
        case "warning": event = .warning(try container.decode(String.self, forKey: .message))
        case "finished": event = .finished(chosenStep: try container.decode(Int.self, forKey: .chosenStep))
        default:
            throw DecodingError.dataCorruptedError(
                forKey: .event, in: container, debugDescription: "found '\(word)'; expected a known event")
        }
    }

    /// Writes one object.
    public func encode(to encoder: any Encoder) throws {
        let word: String
        var container = encoder.container(keyedBy: Key.self)
        switch event {
        case .session(let session):
            word = "session"
            try session.encode(to: encoder)
        case .steps(let stretch):
            word = "steps"
            try stretch.encode(to: encoder)
        case .evaluation(let measured):
            word = "evaluation"
            try measured.encode(to: encoder)
        case .watch(let report):
            word = "watch"
            try report.encode(to: encoder)
        case .stage(let report):
            word = "stage"
            try report.encode(to: encoder)
        case .skipped(let report):
            word = "skipped"
            try report.encode(to: encoder)
        case .warning(let message):
            word = "warning"
            try container.encode(message, forKey: .message)
        case .finished(let chosenStep):
            word = "finished"
            try container.encode(chosenStep, forKey: .chosenStep)
        }
        try container.encode(word, forKey: .event)
        try container.encode(step, forKey: .step)
        try container.encode(time, forKey: .time)
    }
}
