/// All that the doctor has measured of a network, and what it makes of it.
public struct Diagnosis: Sendable, Hashable, Codable {
    /// What training pictures were looked at.
    public var data: String
    /// How many of them.
    public var reference: Int
    /// How many held-out examples were scored.
    public var scored: Int
    /// Whether these have labels: without, nothing is said of losses, and what is better cannot be told.
    public var isLabelled: Bool
    /// How the network does under each kind of statistics; of a network without averages the stored alone.
    public var scores: [StatisticsScore]
    /// From each kind to the next.
    public var differences: [ScoreDifference]
    /// The normalizations in the order of the network.
    public var layers: [LayerDiagnosis]
    /// The gradients of parameters in the order of the network; `nil` in what was written before there were any.
    public var gradients: [GradientDiagnosis]?
    /// Activations with an upper limit, in the order of the network; `nil` in what was written before there were any.
    public var activations: [ActivationDiagnosis]?
    /// How batches are drawn; `nil` where nothing is normalized together.
    public var sampler: SamplerDiagnosis?
    /// How far the target's pictures are off at each normalization, the furthest first; empty without a target.
    public var shifts: [LayerShift]
    /// What was found, in order: findings by what they cost, then opportunities, then information.
    public var findings: [Finding]
    /// What could not be measured, in sentences.
    public var remarks: [String]

    /// How far the target's pictures are off, at the layer where they are furthest; `nil` without a target.
    public var shift: Double? { shifts.first?.deviation }

    /// Whether nothing was found that inference suffers from.
    public var isHealthy: Bool { !findings.contains { $0.kind == .finding } }

    /// The most that a finding costs; `nil` where there is none.
    public var severity: Finding.Severity? {
        findings.filter { $0.kind == .finding }.map(\.severity).max()
    }

    /// The score of a kind of statistics.
    public subscript(kind: StatisticsKind) -> StatisticsScore? { scores.first { $0.statistics == kind } }
}
