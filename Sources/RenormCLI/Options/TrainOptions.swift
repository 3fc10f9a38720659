import ArgumentParser
import Renorm

/// The options of `renorm train`. Each has a line in `RUN/config.yml` under its long name; see `ConfigurationFile`.
struct TrainOptions: ParsableArguments {
    // MARK: Data and model

    @Option(
        help: ArgumentHelp(
            "Images: \(DataSources.help). Repeated: sources of one dataset.",
            discussion: """
                Sources must have images of one size and the same classes. --sampling source-blocks:N takes N batches \
                from each in turn; every other order mixes them. (default: fashion-mnist)
                """))
    var data: [String] = []

    @OptionGroup var labels: LabelOptions

    @Option(help: "The network: \(Networks.table.forms.joined(separator: ", ")).")
    var model = "small"

    @Option(
        help: "How images enter ResNets and MobileNetV2: cifar for small images, imagenet for large."
    )
    var stem = Stem.cifar

    @Option(help: "The normalization: \(NormalizationOptions.forms).")
    var norm = "batch-renorm"

    @Option(
        help: ArgumentHelp(
            "Normalize groups of this many examples apart, while gradients are summed over the whole batch.",
            discussion: "Must divide the batch size. (default: the whole batch)", valueName: "k"))
    var normExamples: Int?

    @Option(
        help: ArgumentHelp(
            "How far moving averages go towards a batch's moments in a step, in 0…1.",
            discussion: """
                PyTorch's `momentum`, 1 − Keras's; --limits auto needs none. (default: 0.05 for batch-renorm, \
                else 0.1)
                """,
            valueName: "rate"))
    var averagingRate: FiniteNumber?

    @Option(
        help: ArgumentHelp(
            "Limits of batch renorm's correction: auto, ramp, paper, paper:STEPS, open, closed, or FILE.json.",
            discussion: """
                auto: none to choose; averages follow each group by gains that tune themselves. \
                ramp: closed for the first 30 % of the run, then opening to r_max 3 and d_max 5 at 80 %; \
                ramp:FROM:TO:R:D: the same with other parts of the run and limits. \
                paper: closed for 5,000 steps, r_max 3 at 40,000, d_max 5 at 25,000. \
                paper:STEPS: the same proportions with r_max fully open at STEPS. \
                open: no limits. closed: r_max 1, d_max 0, which is batch normalization. \
                FILE.json: {"r_max": SCHEDULE, "d_max": SCHEDULE}, with schedules such as \
                {"kind": "linear", "points": [[500, 1], [1000, 3]]}.
                """))
    var limits = "auto"

    @Option(help: "Start from the parameters and statistics of this .safetensors file, PyTorch's or ours.")
    var `init`: String?

    @Option(
        help: ArgumentHelp(
            "With --init: parts that keep the values they start with, such as a classifier for other classes.",
            discussion: """
                Paths or patterns of them, joined by commas: fc, or layer4,fc. The file may hold anything there.
                """, valueName: "pattern"))
    var initExcept: String?

    // MARK: Length and batches

    @Option(help: "Examples a batch.")
    var batchSize = 64

    @Option(
        help: ArgumentHelp(
            "Sum gradients over this many batches before each update: a step of N batches in the memory of one.",
            discussion: """
                Like one batch of N times --batch-size with --norm-examples at --batch-size: each batch is normalized by \
                itself, moving averages take one update a step, with the mean over the batches, and schedules count \
                steps. With automatic limits it is similar to that, not equal: gradients are projected over each batch \
                rather than over the step. (default: 1)
                """, valueName: "n"))
    var accumulate = 1

    @Option(help: "Passes over the training images. (default: 3, unless --steps is given)")
    var epochs: Int?

    @Option(help: "Steps, in place of epochs.")
    var steps: Int?

    @Option(
        help: ArgumentHelp(
            "The order of examples: \(Sampling.names).",
            discussion: """
                sorted: class after class. sorted-batches: shuffled, then sorted by class within each batch (:any-order: and its groups shuffled). \
                source-blocks:4: four batches from each --data in turn. label-blocks:16x2: 16 labels drawn with replacement, 2 images of each, for \
                each batch or, with --norm-examples, for each group.
                """))
    var sampling = "shuffled"

    @Option(help: "Random changes to training images: none, or standard (padded crop and flip).")
    var augment = Augmentation.none

    @Option(help: "Training images held out, by the seed, to choose the best checkpoint on.")
    var validation = 5000

    // MARK: Optimization

    @Option(help: "sgd, adamw or rmsprop.")
    var optimizer = OptimizerChoice.sgd

    @Option(help: "The learning rate after any warm-up. (default: 0.1 for sgd, else 0.001)")
    var learningRate: FiniteNumber?

    @Option(help: "The learning rate's course: constant, or cosine down to 0 at the end of the run.")
    var schedule = ScheduleChoice.cosine

    @Option(help: "Steps over which the learning rate rises linearly to its course.")
    var warmup = 0

    @Option(help: "SGD's and RMSProp's momentum. (default: 0.9 for sgd, 0 for rmsprop)")
    var momentum: FiniteNumber?

    @Flag(inversion: .prefixedNo, help: "Nesterov's momentum (sgd).")
    var nesterov = false

    @Option(help: "Weight decay of convolutions and dense layers; normalizations and biases are left alone.")
    var weightDecay = FiniteNumber(0.0005)

    @Option(help: "Scale gradients down to this norm of all together. (default: no limit)")
    var clipNorm: FiniteNumber?

    @Option(help: "How much of the target is spread over all classes, from 0 to less than 1.")
    var labelSmoothing = FiniteNumber(0)

    @Option(
        help: ArgumentHelp(
            "Evaluate exponential averages of all parameters and statistics: new = old + rate · (value − old).",
            discussion: "A rate of 0.001 averages over about 1,000 steps. (default: no averages)",
            valueName: "rate"))
    var ema: FiniteNumber?

    @Option(
        help: ArgumentHelp(
            "The precision of activations: f32, or bf16.",
            discussion: """
                bf16 halves memory and is about twice as fast where the processor multiplies it (Linux: avx512_bf16 or \
                amx_bf16 in /proc/cpuinfo). Parameters, statistics, sums and losses stay f32.
                """))
    var precision = Precision.f32

    @Option(
        help: """
            When a loss, a moment or a gradient is NaN or infinite: stop, or skip that batch and count it. When an \
            evaluation is: stop, or leave it out.
            """
    )
    var onNonFinite = NonFiniteChoice.stop

    @Option(
        help: ArgumentHelp(
            "What a training step keeps of its forward part: fast, or small.",
            discussion: """
                fast: everything that the backward part reads. small: results of convolutions, but not the normalized, \
                activated and added values, which one more pass over memory gives again. The results are the same.
                """))
    var memory = MemoryUse.fast

    @Flag(
        inversion: .prefixedNo,
        help: ArgumentHelp(
            "Compute the forward part again for the backward part, section by section (gradient checkpointing).",
            discussion:
                "Keeps only what lies between sections; takes up to a third longer. The results are the same."
        ))
    var recompute = false

    // MARK: The run

    @Option(help: "Steps between evaluations on the held-out images. (default: once an epoch)")
    var evaluateEvery: Int?

    @Option(help: "Steps between checkpoints. (default: once an epoch)")
    var checkpointEvery: Int?

    @Option(help: "The seed of initial values, sampling and augmentation.")
    var seed: UInt64 = 0

    @Option(help: "Threads of the engine. (default: one a core)")
    var threads: Int?

    @Option(help: "onednn, or reference: plain loops, slow, the measure of correctness.")
    var engine = EngineChoice.onednn

    @Option(help: ArgumentHelp("The folder of the run: checkpoints, config.yml.", valueName: "dir"))
    var run: String

    @Flag(help: "Go on with the run in --run where it stopped, with the options in its config.yml.")
    var resume = false

    @Option(help: ArgumentHelp("A YAML file of options, by their long names; options given here count more."))
    var config: String?

    @Option(help: "What is printed: human, or json, one object a line.")
    var log = LogFormat.human

    /// Throws for numbers out of range, naming the option, what was found and what was expected.
    func validate() throws {
        try require("--batch-size", batchSize, batchSize > 0, "at least 1")
        _ = try NormalizationOptions(norm: norm).normalization(steps: 1000, batchSize: batchSize)
        if initExcept != nil, self.`init` == nil {
            throw ValidationError(
                "--init-except: found no --init; expected a file to start from. Name one, or leave this option out."
            )
        }
        try require("--accumulate", accumulate, accumulate > 0, "at least 1")
        try require("--norm-examples", normExamples, normExamples.map { $0 > 0 }, "at least 1")
        if let k = normExamples, batchSize % k != 0 {
            throw ValidationError(
                "--norm-examples: found groups of \(k) in batches of \(batchSize); expected a divisor of the batch "
                    + "size. Change one of them.")
        }
        try require(
            "--averaging-rate", averagingRate, averagingRate.map { (0...1).contains($0.value) }, "0 to 1")
        let most = 1...TrainingLimits.steps
        try require("--epochs", epochs, epochs.map { most.contains($0) }, "1 to \(most.upperBound)")
        try require("--steps", steps, steps.map { most.contains($0) }, "1 to \(most.upperBound)")
        if epochs != nil && steps != nil {
            throw ValidationError(
                "--epochs and --steps were both given; expected one of them. Leave one out.")
        }
        try require("--validation", validation, validation >= 0, "at least 0")
        try require("--learning-rate", learningRate, learningRate.map { $0.value > 0 }, "more than 0")
        try require(
            "--warmup", warmup, (0...most.upperBound).contains(warmup), "0 to \(most.upperBound)")
        try require("--momentum", momentum, momentum.map { (0..<1).contains($0.value) }, "0 to less than 1")
        try require("--weight-decay", weightDecay, weightDecay.value >= 0, "at least 0")
        try require("--clip-norm", clipNorm, clipNorm.map { $0.value > 0 }, "more than 0")
        try require(
            "--label-smoothing", labelSmoothing, (0..<1).contains(labelSmoothing.value), "0 to less than 1")
        try require("--ema", ema, ema.map { $0.value > 0 && $0.value <= 1 }, "more than 0, at most 1")
        try require("--evaluate-every", evaluateEvery, evaluateEvery.map { $0 > 0 }, "at least 1")
        try require("--checkpoint-every", checkpointEvery, checkpointEvery.map { $0 > 0 }, "at least 1")
        try require("--threads", threads, threads.map { $0 > 0 }, "at least 1")
    }

    private func require<Value>(_ option: String, _ value: Value?, _ holds: Bool?, _ expected: String) throws
    {
        if let value, holds == false {
            throw ValidationError("\(option): found \(value); expected \(expected). Change it.")
        }
    }
}
