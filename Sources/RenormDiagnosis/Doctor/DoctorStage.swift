/// What the doctor is at, in the order in which it goes; what is not needed is left out.
public enum DoctorStage: String, Sendable, Hashable, CaseIterable {
    /// The network is scored as it is.
    case stored = "the averages as stored"
    /// A is measured.
    case training = "training's own estimator"
    /// B is measured.
    case population = "the population's statistics"
    /// C and D are measured.
    case groups = "batch statistics"
    /// Layers are compared in the chain.
    case chain = "the chain of layers"
    /// The target, and how pictures are prepared.
    case input = "the pictures"
    /// What is wrong with averages.
    case averages = "what averages say"
    /// What learns.
    case gradients = "gradients"
    /// What no averages help against is tried to be trained away.
    case trial = "a short training"
}
