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
    /// Of SGD, and of optimizers whose steps do not grow with gradients.
    static let (rate, adaptiveRate) = (0.005, 0.0003)
    /// The images on which averages are measured before the first step, and those of a pass.
    static let (measuredImages, measuredTogether) = (512, 32)
    /// The images on which averages are measured anew, where averaged weights are evaluated.
    static let recalibration = 512
}
