import ArgumentParser
import Renorm

/// The options of `renorm train`. Each that may stand in a file has a line in `RUN/config.yml` under its name.
struct TrainOptions: OptionTable {
    // MARK: Data and model

    @OptionGroup var images: DataOptions
    @OptionGroup var labels: LabelOptions
    @OptionGroup var preparation: PreparationArguments
    @OptionGroup var network: NetworkOptions
    @OptionGroup var normalization: NormalizationOptions

    @Option(
        Row(
            "How far moving averages go towards a batch's moments in a step, in 0…1.",
            .of { BatchNormalization(averagingRate: $0).fault },
            resuming: .configures(["architecture.normalization"]), valueName: "rate",
            discussion: """
                PyTorch's `momentum`, 1 − Keras's; --limits auto needs none. (default: 0.05 for batch-renorm, \
                else 0.1)
                """))
    var averagingRate: Double?

    @Option(
        Row(
            "Limits of batch renorm's correction: auto, ramp, paper, paper:STEPS, open, closed, or FILE.json.",
            resuming: .configures(["architecture.normalization"]),
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
    var limits = LimitsText.automatic

    @Option(
        Row(
            "Start from the parameters and statistics of this file: PyTorch's .pth or .pt, .safetensors, or .onnx.",
            discussion: """
                Nothing in it is executed. A file of a run or of 'renorm convert' brings its --model with it, one of 'renorm convert' its \
                normalizations too, unless these are given.
                """))
    var `init`: FilePath?

    @Option(
        Row(
            "With --init or --from: parts that keep the values they start with, such as a classifier for other classes.",
            valueName: "pattern",
            discussion: """
                Paths or patterns of them, joined by commas: fc, or layer4,fc. The file may hold anything there.
                """))
    var initExcept: String?

    @Option(
        Row(
            "Go on from this trained network: a run's folder (its best state), or a file as of --init.",
            valueName: "run|file",
            discussion: """
                Unlike --init it brings all with it, unless options say otherwise: the network (--model for weights that do not say which \
                they are of), its normalization (--norm keep) and the preparation of pictures. A head for another number of classes starts \
                anew, and the first convolution is adapted to another number of channels. Nothing stays frozen that was.
                """))
    var from: FilePath?

    @Option(
        Row(
            "With --from: what moving averages begin with, kept (as the network has them) or measured (on up to \(FineTuningDefaults.measuredImages) training images).",
            discussion: """
                Batch renormalization normalizes with its averages while it trains, and those of other images are wrong until it has \
                moved them. Measured: means of batches of 32 that pass once, all layers as in training, in place of the network's. \
                (default: of 'renorm finetune' with --norm batch-renorm measured, unless parts stay frozen; else kept)
                """))
    var averages: StartingAverages?

    @Option(
        Row(
            "Which parts are trained from when on: \(Unfreezing.expected).",
            .of(\.unfreezing), resuming: .configures(["unfreezing"]), valueName: "stages",
            discussion: """
                "head for 1 epoch, last:3 for 200 steps, all". head: the layer that tells classes apart. last:3: the last 3 units of the network \
                ('renorm describe' shows them). What is once trained goes on being trained; all else stays what it was, parameters and \
                statistics, to the bit, and costs no backward pass. (default: all; of 'renorm finetune', where the head starts anew, \
                \(FineTuningDefaults.unfreezing))
                """))
    var unfreeze: Unfreezing?

    @Option(
        Row(
            "Leave parts as they are, parameters and statistics: paths, patterns or first:N, joined by commas.",
            resuming: .configures(["overrides"]), valueName: "parts",
            discussion: """
                layer1,conv1; '**.bn1'; first:8 for the first 8 units of the network ('renorm describe' shows them). What is frozen gives in \
                training what it gives at inference. Beside a frozen convolution an unfrozen normalization would go on moving: freeze \
                the block.
                """))
    var freeze: String?

    @Option(
        Row(
            "Leave the parameters of parts as they are; their statistics go on moving.",
            resuming: .configures(["overrides"]), valueName: "parts"))
    var freezeParameters: String?

    @Option(
        Row(
            "Leave the statistics of parts as they are and normalize with them; their parameters are trained.",
            resuming: .configures(["overrides"]), valueName: "parts"))
    var freezeStatistics: String?

    @Option(
        Row(
            """
            From when on the statistics of all normalizations stand still and normalize in training as at inference: a step, \
            or a part of the run such as 0.9.
            """, FreezingMomentText.bounds, resuming: .configures(["statisticsFrozenFrom"]),
            valueName: "step|part",
            discussion: """
                Parameters go on being trained, now with what they will meet at inference (Wu & Johnson 2021). Patience and the best state \
                are counted anew from there on. (default: never)
                """))
    var freezeStatisticsFrom: FreezingMomentText?

    // MARK: Length and batches

    @Option(
        Row(
            "Examples a batch.", .of(\.batchSize), resuming: .configures(["batchSize"]),
            fineTuning: FineTuningDefaults.batchSize))
    var batchSize = 64

    @Option(
        Row(
            "Sum gradients over this many batches before each update: a step of N batches in the memory of one.",
            .of(\.accumulation), resuming: .configures(["accumulation"]), valueName: "n",
            discussion: """
                Like one batch of N times --batch-size with --norm-examples at --batch-size: each batch is normalized by \
                itself, moving averages take one update a step, with the mean over the batches, and schedules count \
                steps. With automatic limits it is similar to that, not equal: gradients are projected over each batch \
                rather than over the step.
                """))
    var accumulate = 1

    @Option(
        Row(
            "Passes over the training images. (default: \(TrainOptions.defaultEpochs), unless --steps is given)",
            .within(1...TrainingLimits.steps), resuming: .configures(["steps"]), insteadOf: "steps"))
    var epochs: Int?

    @Option(
        Row(
            "Steps, in place of epochs.", .of(\.steps), resuming: .configures(["steps"]), insteadOf: "epochs")
    )
    var steps: Int?

    @Option(
        Row(
            "The order of examples: \(Sampling.expected).", resuming: .configures(["sampling"]),
            discussion: """
                sorted: class after class. sorted-batches: shuffled, then sorted by class within each batch (:any-order: and its groups shuffled). \
                balanced: every class equally often, whatever the number of its images. \
                source-blocks:4: four batches from each source in turn. label-blocks:16x2: 16 labels drawn with replacement, 2 images of each, for \
                each batch or, with --norm-examples, for each group.
                """))
    var sampling = Sampling.shuffled

    @Option(
        Row(
            "Whose statistics normalizations keep: \(StatisticsChoice.expected).",
            resuming: .configures(["statisticsBySource"]),
            discussion: """
                source: each source of the data (several --data, or cameras as --columns and --source-level name them) has averages of its own, \
                and all else is shared; with --sampling source-blocks:N, whose batches are each of one source. Pictures of known sources are \
                evaluated with their own, others with those of all together.
                """))
    var statisticsBy = StatisticsChoice.all

    @Option(
        Row(
            "How much an image's loss counts by its class: \(ClassWeightsText.expected).",
            resuming: .configures(["classWeights"]),
            discussion: """
                balanced: as 1 / (number of the class's training images). FILE: lines 'class,weight', or a JSON object of weights by the \
                names of classes. Weights are scaled so that their mean over the training images is 1.
                """))
    var classWeights = ClassWeightsText.none

    @Option(
        Row(
            "Random changes to training images: none, standard (padded crop and flip) or photo (resized crop, flip, colours), and options.",
            resuming: .configures(["augmentation"]),
            discussion: """
                Options follow in one text, as "photo jitter=0.4 flip=0". crop=resized, padded or none; of resized crops scale=0.35..1, \
                ratio=0.75..1.33 and interpolation=bicubic. flip, vflip: probabilities. jitter: how much brightness, contrast and saturation \
                change, and the hue a tenth of it; or all four, as 0.4/0.4/0.2/0.05. trivial=true: an operation of TrivialAugment. erasing: a \
                probability; erasing-scale, erasing-ratio.
                """))
    var augment = Augmentation.none

    @Option(
        Row(
            "Mix each training image with another of its batch: x is λ·x + (1 − λ)·y, λ of Beta(α, α). (default: no)",
            .of(\.mixing.mixup), resuming: .configures(["mixing.mixup"]), valueName: "alpha",
            discussion:
                "Both classes are learnt, by λ and 1 − λ; 0.2 is usual. With --cutmix a coin decides for each batch."
        ))
    var mixup: Double?

    @Option(
        Row(
            "Put a rectangle of another training image of its batch into each; α as of --mixup. (default: no)",
            .of(\.mixing.cutmix), resuming: .configures(["mixing.cutmix"]), valueName: "alpha",
            discussion: "Both classes are learnt, by their parts of the image; 1 is usual."))
    var cutmix: Double?

    @Option(
        Row(
            "Training images held out, by the seed, to choose the best checkpoint on.", .of(\.validation),
            resuming: .configures(["validation", "data"]),
            discussion: """
                (default: 5000, or a tenth of fewer than 50,000; none where the data have a validation part)
                """))
    var validation: Int?

    // MARK: Optimization

    @Option(
        Row(
            "\(OptimizerChoice.expected).", resuming: .configures(["options.optimizer"]),
            fineTuning: FineTuningDefaults.optimizer))
    var optimizer = OptimizerChoice.sgd

    @Option(
        Row(
            "The learning rate after any warm-up, or auto. (default: \(TrainOptions.defaultRates))",
            LearningRateText.bounds, resuming: .configures(["options.learningRate"]), valueName: "rate",
            discussion: """
                auto: by a range test (Smith 2015) before the first step, \(LearningRateTest.standardSteps) steps on a copy while the rate \
                rises; RUN/learning-rate.csv keeps the curve, and config.yml the rate, so that a run which goes on tests nothing.
                """))
    var learningRate: LearningRateText?

    @Option(
        Row(
            "How much less the learning rate of each unit of the network is than that of the unit after it: 1 is not at all.",
            .of(\.options.layerDecay), resuming: .configures(["options.layerDecay"]), valueName: "factor",
            fineTuning: FineTuningDefaults.layerDecay,
            discussion: """
                With 0.8 the last unit has the whole rate, the one before it 0.8 of it, the next 0.64; normalizations and biases like weights. \
                'renorm describe' shows the units.
                """))
    var layerDecay = 1.0

    @Option(
        Row(
            "The learning rate's course: constant, or cosine down to 0 at the end of the run.",
            resuming: .configures(["options.learningRate"])))
    var schedule = ScheduleChoice.cosine

    @Option(
        Row(
            "Steps over which the learning rate rises linearly to its course.",
            .within(0...TrainingLimits.steps), resuming: .configures(["options.learningRate"]),
            fineTuning: FineTuningDefaults.warmup))
    var warmup = 0

    @Option(
        Row(
            "SGD's and RMSProp's momentum. (default: 0.9 for sgd, 0 for rmsprop)",
            .of { Optimizer.sgd(momentum: $0).fault }, resuming: .configures(["options.optimizer"])))
    var momentum: Double?

    @Flag(Row("Nesterov's momentum (sgd).", resuming: .configures(["options.optimizer"])))
    var nesterov = false

    @Option(
        Row(
            "Weight decay of convolutions and dense layers; normalizations and biases are left alone.",
            .of(\.options.weightDecay), resuming: .configures(["options.weightDecay"]),
            fineTuning: FineTuningDefaults.weightDecay))
    var weightDecay = 0.0005

    @Option(
        Row(
            "Scale gradients down to this norm of all together. (default: no limit)", .of(\.options.clipNorm),
            resuming: .configures(["options.clipNorm"])))
    var clipNorm: Double?

    @Option(
        Row(
            "How much of the target is spread over all classes, from 0 to less than 1.",
            .of(\.options.labelSmoothing), resuming: .configures(["options.labelSmoothing"])))
    var labelSmoothing = 0.0

    @Option(
        Row(
            "Evaluate exponential averages of all parameters and statistics: new = old + rate · (value − old).",
            .of(\.options.parameterAveragingRate), resuming: .configures(["options.averagingRate"]),
            valueName: "rate",
            discussion: "A rate of 0.001 averages over about 1,000 steps. (default: no averages)"))
    var ema: Double?

    @Option(
        Row(
            "Training images on which moving averages are measured anew before evaluating and saving; 0: none.",
            .of(\.recalibration), resuming: .configures(["recalibration"]), valueName: "n",
            discussion: """
                Averages of weights that have changed meanwhile, or of the weights that --ema averages, do not fit: a few batches pass in \
                the phase of training, without gradients, and each normalization estimates as in training. (default: 0; \
                of 'renorm finetune' with --ema \(FineTuningDefaults.recalibration))
                """))
    var recalibrate: Int?

    @Option(
        Row(
            "The precision of activations: f32, or bf16.", resuming: .configures(["options.precision"]),
            discussion: """
                bf16 halves memory and is about twice as fast where the processor multiplies it (Linux: avx512_bf16 or \
                amx_bf16 in /proc/cpuinfo). Parameters, statistics, sums and losses stay f32. Evaluations of the run, and 'renorm evaluate' and \
                'predict' later, are in the same precision; --evaluation-precision gives them another.
                """))
    var precision = Precision.f32

    @Option(
        Row(
            "The precision of activations on held-out and test images: f32, or bf16. (default: as --precision)",
            resuming: .configures(["evaluationPrecision"])))
    var evaluationPrecision: Precision?

    @OptionGroup var kept: MemoryOptions

    @Option(
        Row(
            """
            When a loss, a moment or a gradient is NaN or infinite: stop, or skip that batch and count it. When an \
            evaluation is: stop, or leave it out.
            """, resuming: .configures(["onNonFinite"])))
    var onNonFinite = NonFinitePolicy.stop

    // MARK: The run

    @Option(
        Row(
            "Steps between evaluations on the held-out images. (default: once an epoch)",
            .of(\.evaluateEvery), resuming: .configures(["evaluateEvery"])))
    var evaluateEvery: Int?

    @Option(
        Row(
            "End when so many evaluations in a row on the held-out images were no better. (default: never)",
            .of(\.patience), resuming: .configures(["patience"]), valueName: "n",
            discussion: """
                The best state is kept in any case. A schedule that comes down over the whole run, such as cosine, improves results \
                up to its end: choose constant, or much patience.
                """))
    var patience: Int?

    @Option(
        Row(
            "Steps between checkpoints. (default: once an epoch)", .of(\.checkpointEvery),
            resuming: .configures(["checkpointEvery"])))
    var checkpointEvery: Int?

    @Option(
        Row(
            "Steps between looks at the normalizations: how far batches are from the averages, and training from inference. (default: no looks)",
            .of(\.watchEvery), resuming: .configures(["watchEvery"]), valueName: "every",
            discussion: """
                RUN/history.jsonl keeps what was seen, for 'renorm report'; with --log json it is an event. A layer that goes beyond a \
                threshold is warned of once. No number of the run depends on it.
                """))
    var watch: Int?

    @Flag(
        Row(
            "Write TensorBoard's event files into RUN/tensorboard as the run goes: curves, and with --watch histograms of each layer.",
            resuming: .free))
    var tensorboard = false

    @Option(
        Row(
            "The seed of initial values, sampling and augmentation.", resuming: .configures(["seed", "data"]))
    )
    var seed: UInt64 = 0

    @OptionGroup var loading: LoadingOptions
    @OptionGroup var caching: CacheArguments
    @OptionGroup var computing: EngineOptions

    @Option(Row("The folder of the run: checkpoints, config.yml.", isInFiles: false, valueName: "dir"))
    var run: String

    @Flag(
        Row(
            "Go on with the run in --run where it stopped, with the options in its config.yml.",
            resuming: .free,
            isInFiles: false))
    var resume = false

    @OptionGroup var file: FileOptions
    @OptionGroup var output: OutputOptions

    /// Throws for numbers out of range and for options that exclude or need each other.
    func validate() throws {
        try checkBounds()
        if initExcept != nil, self.`init` == nil, from == nil {
            throw ValidationError(
                "--init-except: found no --init; expected a file to start from. Name one, or leave this option out."
            )
        }
        if let averages, from == nil {
            throw ValidationError(
                "--averages: found '\(averages)' without --from; expected a trained network to go on from. Name one, or leave this "
                    + "option out.")
        }
        if let from, let other = self.`init` {
            throw ValidationError(
                "--init: found '\(other.description.visible)' beside --from '\(from.description.visible)'; expected one network to "
                    + "start from. Leave one out.")
        }
        // Of 'renorm finetune' it is the default, and that no network is named is said by its own check.
        if normalization.norm.isKept, from == nil, !CommandArguments.isFineTuning {
            throw ValidationError(
                "--norm: found 'keep' without --from; expected a network whose normalization is kept. Name one, or a "
                    + "normalization.")
        }
        if let k = normalization.normExamples, batchSize % k != 0 {
            throw ValidationError(
                "--norm-examples: found groups of \(k) in batches of \(batchSize); expected a divisor of the batch "
                    + "size. Change one of them.")
        }
        if epochs != nil && steps != nil {
            throw ValidationError(
                "--epochs and --steps were both given; expected one of them. Leave one out.")
        }
    }
}
