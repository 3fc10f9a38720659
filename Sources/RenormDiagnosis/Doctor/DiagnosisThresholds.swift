/// From where on the doctor calls something an illness. Chosen on planted illnesses and healthy runs (`Experiments/illnesses.py`).
public struct DiagnosisThresholds: Sendable, Hashable, Codable {
    /// The loss, in nats, from which on something counts.
    public var loss = 0.03
    /// The accuracy, as a part of 1.
    public var accuracy = 0.005
    /// How many standard errors a difference has to be off.
    public var standardErrors = 3.0
    /// How far a layer's averages may be off (`AveragesDeviation.total`).
    public var deviation = 0.12
    /// Up to which ν the noise of single batches explains a deviation.
    public var noise = 12.0
    /// From which ν on averages are said to be those of single batches.
    public var leastNoise = 0.3
    /// The part of the population's averages below which stored ones lag from the start.
    public var lag = 0.9
    /// The ratio below which exchanged averages fit.
    public var exchange = 0.3
    /// How many times the median deviation of layers one must have to be wrong by itself.
    public var outlier = 4.0
    /// The design effect from which on batches are no independent draws.
    public var designEffect = 1.6
    /// The loss by which batch statistics have to differ before groups are to blame.
    public var groups = 0.05
    /// The largest group that is called small.
    public var smallGroup = 8
    /// How far averages of layers whose parameters are frozen may have moved.
    public var movedFreeze = 0.05
    /// The part of the loss of a guess from which on a network is said to have learned nothing.
    public var guessing = 0.9
    /// How far pictures may be off in the chain of population statistics.
    public var shift = 0.05
    /// The loss that another domain has to cost.
    public var domain = 0.1
    /// The part of the other layers' ‖gradient‖/‖weight‖ below which a layer's has vanished.
    public var vanishingBesideOthers = 1e-5
    /// Below which it has vanished by itself, in a network that has learned nothing.
    public var vanishing = 1e-7
    /// Above which it explodes.
    public var exploding = 100.0
    /// The least norm of a gradient that explodes: one that is small is no danger, however small the weights are.
    public var leastExploding = 1.0
    /// How far above the part of the most frequent class the accuracy of a network may be that has learned nothing.
    public var chance = 0.02
    /// The part of an activation's values at its limit from which on that is said.
    public var saturated = 0.5
    /// The mean from which on averages are absurd.
    public var absurdMean = 1e6
    /// The variance from which on averages are absurd.
    public var absurdVariance = 1e12
    /// How far the input's means and logarithms of deviations may be off 0 where the scaling was measured.
    public var scaling = 0.1

    /// Those that were chosen.
    public init() {}
}
