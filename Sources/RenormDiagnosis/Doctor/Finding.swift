/// Something that the doctor has found, with its evidence, its cost, and a remedy that was tried.
public struct Finding: Sendable, Hashable, Codable {
    /// What a finding asks for.
    public enum Kind: String, Sendable, Hashable, Codable, CaseIterable {
        /// Inference is worse than it need be.
        case finding
        /// Nothing is wrong, but something would do better.
        case opportunity
        /// Good to know.
        case information
    }

    /// How much a finding costs.
    public enum Severity: String, Sendable, Hashable, Codable, CaseIterable, Comparable {
        /// Up to 0.1 nats and 2 points of accuracy.
        case low
        /// Up to 0.5 nats and 10 points.
        case medium
        /// More.
        case high

        /// Low before high.
        public static func < (left: Severity, right: Severity) -> Bool {
            allCases.firstIndex(of: left)! < allCases.firstIndex(of: right)!
        }

        /// The severity of a cost.
        ///
        /// - Parameters:
        ///   - loss: In nats.
        ///   - accuracy: As a part of 1.
        init(loss: Double, accuracy: Double) {
            self = loss > 0.5 || accuracy > 0.1 ? .high : loss > 0.1 || accuracy > 0.02 ? .medium : .low
        }
    }

    /// What was tried against it.
    public struct Remedy: Sendable, Hashable, Codable {
        /// What to do: a command of the tool, or a sentence.
        public var command: String
        /// The loss on held-out examples with it, where it was measured.
        public var measuredLoss: Double?
        /// The accuracy with it, 0 to 1.
        public var measuredAccuracy: Double?

        /// Describes a remedy.
        public init(_ command: String, loss: Double? = nil, accuracy: Double? = nil) {
            (self.command, measuredLoss, measuredAccuracy) = (command, loss, accuracy)
        }

        private enum CodingKeys: String, CodingKey {
            case command
            case measuredLoss = "measured_loss"
            case measuredAccuracy = "measured_accuracy"
        }
    }

    /// What it asks for.
    public var kind: Kind
    /// The cause.
    public var cause: Cause
    /// The layer, where it is one's.
    public var layer: String?
    /// What it costs: the loss, in nats, that is there because of it; of an opportunity what could be gained. NaN where it cannot be
    /// told.
    public var loss: Double
    /// The same of accuracy, as a part of 1.
    public var accuracy: Double
    /// What speaks for it: numbers by name.
    public var evidence: [String: Double]
    /// What else speaks for it, in a sentence.
    public var note: String
    /// What was tried against it; `nil` where nothing that was tried is better than leaving it alone.
    public var remedy: Remedy?

    /// Makes a finding.
    public init(
        _ cause: Cause, kind: Kind = .finding, layer: String? = nil, loss: Double, accuracy: Double,
        evidence: [String: Double] = [:], note: String = "", remedy: Remedy? = nil
    ) {
        self.cause = cause
        self.kind = kind
        self.layer = layer
        self.loss = loss
        self.accuracy = accuracy
        self.evidence = evidence
        self.note = note
        self.remedy = remedy
    }

    /// How much it costs; what cannot be told counts as much.
    public var severity: Severity {
        kind != .finding
            ? .low : loss.isFinite ? Severity(loss: loss, accuracy: accuracy) : .high
    }

    /// What it is sorted by: its kind, then its cost, what cannot be told first.
    var rank: (Int, Double) {
        (Finding.Kind.allCases.firstIndex(of: kind)!, loss.isFinite ? -loss : -.infinity)
    }
}
