import RenormEngines

/// What an engine was asked for, as far as planning depends on it.
struct PlanningOptions {
    /// How many threads share the work.
    var threads: Int
    /// How convolutions are computed.
    var convolution: ConvolutionAlgorithm
    /// Whether operations share passes over memory.
    var isFused: Bool
}
