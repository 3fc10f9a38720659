import Renorm

/// What options are where `renorm finetune` is called and they are not given: usual values for networks that know much already.
enum FineTuningDefaults {
    static let batchSize = 8
    static let epochs = 5
    static let unfreezing = Unfreezing([
        Unfreezing.Stage(.head, for: .epochs(1)), Unfreezing.Stage(.all),
    ])
    static let layerDecay = 0.9
    static let warmup = 0
    static let weightDecay = 0.0005
    /// The optimizer: SGD's steps grow with gradients, which ruined one of two networks on solar cells in batches of 4.
    static let optimizer = OptimizerChoice.adamw
    /// Of optimizers whose steps do not grow with gradients.
    static let adaptiveRate = 0.0003

    /// Of SGD, for steps of so many examples: in proportion (Goyal et al. 2017), since those of few have noisy gradients. A rate that steps of
    /// 32 bear ruins a network in steps of 8.
    static func rate(examples: Int) -> Double { Double(examples) * 0.00015 }

    /// The images on which averages are measured before the first step, and those of a pass.
    static let (measuredImages, measuredTogether) = (512, 32)
    /// The images on which averages are measured anew, where averaged weights are evaluated.
    static let recalibration = 512
}
