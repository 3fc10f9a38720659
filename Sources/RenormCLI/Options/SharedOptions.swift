import ArgumentParser
import Renorm

// Groups of options that several commands have.

/// Where images come from.
struct DataOptions: OptionTable {
    @Option(
        Row(
            "Images: \(DataSources.help). Repeated: sources of one dataset.",
            resuming: .configures(["data"]),
            discussion: """
                Sources must have the same classes. In training, --sampling source-blocks:N takes \
                N batches from each in turn; other orders mix them. (default: fashion-mnist; of 'renorm evaluate' \
                the run's own)
                """))
    var data: [DataSource] = []

    @OptionGroup var pictures: PictureListArguments

    /// What is given, or Fashion-MNIST.
    var sources: [DataSource] { data.isEmpty ? [.fashionMNIST] : data }
}

/// What the numbers in files of labels mean.
struct LabelOptions: OptionTable {
    @Option(
        Row(
            "How many classes there are; larger labels are refused. (default: as the largest training label says)",
            .within(1...256), resuming: .configures(["classes", "data", "architecture"]), valueName: "n"))
    var classes: Int?

    @Option(Row<Int>.labelOffset)
    var labelOffset: Int?

    var numbering: LabelNumbering { LabelNumbering(classes: classes, offset: labelOffset ?? 0) }
}

extension Row<Int> {
    static var labelOffset: Row {
        Row(
            "The label of the first class: 1 for data whose labels count from 1, such as EMNIST's letters.",
            .within(0...255), resuming: .configures(["data"]), valueName: "n",
            discussion: "Of 'renorm evaluate': with --data. (default: 0; of 'renorm evaluate' as trained)")
    }
}

/// A network.
struct NetworkOptions: OptionTable {
    @Option(Row<NetworkName>.model)
    var model = NetworkName.small

    @Option(
        Row(
            "How images enter ResNets and MobileNetV2: cifar for small images, imagenet for large.",
            resuming: .configures(["architecture.stem"]),
            discussion: """
                (default: as the weights that it starts from say, else cifar for images of at most 64 pixels and imagenet for larger ones)
                """))
    var stem: Stem?

    /// How images of a shape `[H, W, C]` enter the network where nothing says it.
    func stem(for image: TensorShape) -> Stem {
        stem ?? (model.hasStem && max(image[0], image[1]) > 64 ? .imagenet : .cifar)
    }
}

extension Row<NetworkName> {
    static var model: Row {
        Row("The network: \(NetworkName.expected).", resuming: .configures(["model", "architecture.name"]))
    }
}

/// The normalization of every layer.
struct NormalizationOptions: OptionTable {
    private static var standard: NormalizationChoice {
        guard let choice = try? NormalizationChoice(parsing: "batch-renorm") else {
            preconditionFailure("batch-renorm is in the table")
        }
        return choice
    }

    @Option(
        Row(
            "The normalization: \(NormalizationChoice.expected).",
            resuming: .configures(["architecture.normalization"]), fineTuning: .keep,
            discussion: """
                With its options in quotes if wanted: "group:8 weights=standardized", "batch-renorm limits=ramp rate=0.05". All have epsilon, \
                scale, shift and weights; batch and batch-renorm have examples (as --norm-examples) and rate (as --averaging-rate), \
                batch-renorm has limits (as --limits), projection and the constants of its gains. With --from: keep, that of the network; another \
                is converted to, between batch, batch-renorm and frozen so that inference stays what it was.
                """))
    var norm = NormalizationOptions.standard

    @Option(
        Row(
            "Normalize groups of this many examples apart, while gradients are summed over the whole batch.",
            .atLeast(1), resuming: .configures(["architecture.normalization"]), valueName: "k",
            discussion: "Must divide the batch size. (default: the whole batch)"))
    var normExamples: Int?
}

/// How much memory a training step takes.
struct MemoryOptions: OptionTable {
    @Option(
        Row(
            "What a training step keeps of its forward part: \(MemoryUse.expected).",
            resuming: .configures(["options.memory"]),
            discussion: """
                fast: everything that the backward part reads. small: results of convolutions, but not the normalized, \
                activated and added values, which one more pass over memory gives again. The results are the same.
                """))
    var memory = MemoryUse.fast

    @Flag(
        Row(
            "Compute the forward part again for the backward part, section by section (gradient checkpointing).",
            resuming: .configures(["options.recomputes"]),
            discussion:
                "Keeps only what lies between sections; takes up to a third longer. The results are the same."
        ))
    var recompute = false
}

/// What computes.
struct EngineOptions: OptionTable {
    @Option(Row("Threads of the engine. (default: one a core)", .atLeast(1), resuming: .free))
    var threads: Int?

    @Option(
        Row("onednn, or reference: plain loops, slow, the measure of correctness.", resuming: .free))
    var engine = EngineChoice.onednn

    @Option(
        Row(
            "How convolutions are computed: \(ConvolutionAlgorithm.expected). (default: auto)",
            resuming: .free,
            discussion: """
                direct: as the formula says. winograd: by Winograd's algorithm wherever it applies, to 3×3 convolutions of stride 1 in f32, \
                with a quarter of the multiplications. auto: whichever is faster for the shape, by a rule that gives the same choice every \
                time. They round differently, so numbers agree but for their last digits, and a run records which one it took. A run that goes \
                on keeps its own unless another is named, and one that began before there was a choice is direct; evaluation and prediction need \
                not take the run's.
                """))
    var convolution: ConvolutionAlgorithm?

    /// The engine; more threads than cores are warned of.
    ///
    /// - Parameter standard: How convolutions are computed where the options do not say it.
    func make(convolution standard: ConvolutionAlgorithm = .auto) throws -> any Engine {
        try engine.makeEngine(Engines.Options(threads: threads, convolution: convolution ?? standard))
    }
}

/// The precision in which a trained network is used.
struct PrecisionOptions: OptionTable {
    @Option(
        Row(
            "The precision of activations: \(Precision.expected). (default: that of the run's evaluations, else f32)",
            discussion: """
                bf16 is about twice as fast where the processor has instructions for it (Linux: avx512_bf16 or amx_bf16 in /proc/cpuinfo). \
                Where it has none a run that was trained in bf16 is computed in f32, which is said, unless bf16 is asked for: processors with \
                AVX-512 then multiply in f32 what was rounded to bf16, and others refuse. Sums, losses and probabilities are f32 or more in any case.
                """))
    var precision: Precision?

    /// The precision of a network on an engine. That a run's own is not taken is warned of.
    func value(for trained: TrainedModel?, on engine: any Engine) throws -> Precision {
        let description = engine.description
        if let precision {
            guard precision == .bf16, engine.bf16Arithmetic == .none else { return precision }
            throw UsageError(
                "--precision: found bf16 on a processor without arithmetic for it (\(description.instructionSet)); expected f32. "
                    + "Leave it out, or use another machine.")
        }
        guard let trained else { return .f32 }
        let result = trained.precision(on: engine)
        if result != trained.precision {
            let advice = engine.bf16Arithmetic == .emulated ? "; --precision bf16 rounds as training did" : ""
            warn(
                "warning: the run's precision is \(trained.precision.rawValue), for which this processor has no instructions "
                    + "(\(description.instructionSet)); computed in \(result.rawValue), so numbers may differ slightly from the run's\(advice)"
            )
        }
        return result
    }
}

/// How images are read.
struct LoadingOptions: OptionTable {
    @Option(
        Row(
            "Threads that read and prepare images. (default: 1 for images in memory, else one a core but for one)",
            .within(1...256), resuming: .free, valueName: "n",
            discussion: "No result depends on it."))
    var workers: Int?
}

/// Which statistics of a network that has those of several domains.
struct DomainOptions: OptionTable {
    @Option(
        Row(
            "Use the statistics of this domain, one of those that the network has (see 'renorm describe'), or default for its own. (default: its own; of a run whose sources have their own statistics, in evaluation each picture's source's)",
            valueName: "name"))
    var domain: String?

    /// The network in the domain that is named.
    func choosing(_ source: WeightsOptions.Source) throws -> WeightsOptions.Source {
        guard let domain else { return source }
        var result = source
        result.classifier = try source.classifier.inDomain(domain)
        return result
    }
}

/// What is printed.
struct OutputOptions: OptionTable {
    @Option(
        Row("What is printed: human, or json, one object a line.", resuming: .free, isInFiles: false))
    var log = LogFormat.human
}

/// Options from a file.
struct FileOptions: OptionTable {
    @Option(
        Row(
            "A YAML file of options, by their long names; options given here count more.", resuming: .free,
            isInFiles: false))
    var config: String?
}
