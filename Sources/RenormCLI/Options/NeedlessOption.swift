import Renorm

/// An option that can have no effect beside the others.
///
/// The rule, for every command: if the command line names it, the command is refused before anything is written. If it
/// comes from a file, the options of `--config` or the network of a saved run, it may be meant for others, and is said as
/// a warning, as is a setting of a comparison. A run that goes on has said it when it began. An option that is off (0,
/// false, one thread) asks for nothing and is never needless.
struct NeedlessOption {
    /// Its name, with dashes.
    var name: String
    /// What was found beside what.
    var found: String
    /// What would make it useful.
    var expected: String
    /// What to do.
    var remedy: String

    var message: String { "\(name): found \(found); expected \(expected). \(remedy)." }

    init(_ name: String, _ found: String, expected: String, _ remedy: String) {
        (self.name, self.found, self.expected, self.remedy) = (name, found, expected, remedy)
    }

    /// Throws for the first that the command line names; returns what is to be said of the others.
    @discardableResult
    static func warnings(_ needless: [NeedlessOption]) throws -> [String] {
        let names = CommandArguments.typed.names
        if let refused = needless.first(where: { names.contains($0.name) }) {
            throw UsageError(refused.message)
        }
        return needless.map(\.message)
    }

    /// Whether the command line names an option.
    static func isGiven(_ option: String) -> Bool { CommandArguments.typed.contains(option) }

    /// Orders of examples that come to the same as another.
    ///
    /// - Parameters:
    ///   - option: The name of the option that says the order.
    ///   - hasGroups: Whether examples of a batch are normalized in groups.
    static func order(_ sampling: Sampling, _ option: String, sources: Int, hasGroups: Bool)
        -> [NeedlessOption]
    {
        switch sampling {
        case .sourceBlocks where sources == 1:
            [
                NeedlessOption(
                    option, "\(sampling) with one source",
                    expected: "data of several sources with it, such as several --data",
                    "Name them, or choose shuffled, which is the same here")
            ]
        case .sortedBatches where !hasGroups, .sortedBatchesInAnyOrder where !hasGroups:
            [
                NeedlessOption(
                    option, "\(sampling) where no groups of a batch's examples are normalized apart",
                    expected:
                        "smaller groups with it (--norm-examples, or examples= of a setting), since the order "
                        + "within a group changes nothing",
                    "Name their size, or choose shuffled, which is the same here")
            ]
        default: []
        }
    }
}

extension EngineOptions {
    /// What the engine does not need.
    var needless: [NeedlessOption] {
        var result: [NeedlessOption] = []
        if let threads, threads > 1, !engine.hasThreads {
            result.append(
                NeedlessOption(
                    "--threads", "\(threads) with --engine \(engine), which computes on one",
                    expected: "--engine onednn with it", "Leave one of them out"))
        }
        // An engine without a choice is direct, and what is chosen automatically may be that.
        if convolution == .winograd, !engine.choosesConvolutions {
            result.append(
                NeedlessOption(
                    "--convolution", "winograd with --engine \(engine), which computes convolutions directly",
                    expected: "--engine onednn with it", "Leave one of them out"))
        }
        return result
    }
}

extension NetworkOptions {
    /// What a network without a stem does not need.
    var needless: [NeedlessOption] {
        // Runs of earlier versions have the stem of every network in their config.yml.
        guard let stem, !model.hasStem, stem != .cifar || NeedlessOption.isGiven("stem") else { return [] }
        return [
            NeedlessOption(
                "--stem", "\(stem.rawValue) with --model \(model), which has no stem",
                expected: "a ResNet or MobileNetV2 with it", "Leave it out, or name such a model")
        ]
    }
}

extension NormalizationOptions {
    /// What normalizations that take each example by itself do not need.
    var needless: [NeedlessOption] {
        guard let normExamples, !norm.isKept else { return [] }
        if norm.names("examples") {
            return [
                NeedlessOption(
                    "--norm-examples", "\(normExamples) with --norm '\(norm)', which says it too",
                    expected: "one of them", "Leave one out")
            ]
        }
        guard !norm.has("examples") else { return [] }
        return [
            NeedlessOption(
                "--norm-examples",
                "\(normExamples) with --norm \(norm), which normalizes no examples together",
                expected: "--norm batch or batch-renorm with it", "Leave it out, or choose one of these")
        ]
    }
}

extension TrainOptions {
    /// The options that have no effect in a run of so many steps.
    ///
    /// - Parameters:
    ///   - sources: The number of sources of the data.
    ///   - goesOn: Whether the run has a checkpoint to go on from.
    func needless(steps: Int, sources: Int, goesOn: Bool) -> [NeedlessOption] {
        let norm = normalization.norm
        var result = network.needless + normalization.needless
        func add(_ name: String, _ found: String, expected: String, _ remedy: String) {
            result.append(NeedlessOption(name, found, expected: expected, remedy))
        }
        for (name, value) in [
            ("limits", limits.description), ("averaging-rate", averagingRate.map { "\($0)" }),
            ("norm-examples", normalization.normExamples.map { "\($0)" }),
        ] {
            guard let value, norm.isKept, NeedlessOption.isGiven(name) else { continue }
            add(
                "--\(name)", "\(value) with --norm keep, which keeps what the network has",
                expected: "a --norm to convert to, such as batch-renorm", "Name one, or leave it out")
        }
        if norm.isKept {
            // Said above, or of a file that may be meant for others.
        } else if !norm.has("limits"), !limits.isAutomatic || NeedlessOption.isGiven("limits") {
            add(
                "--limits", "\(limits) with --norm \(norm), which has none",
                expected: "--norm batch-renorm with it", "Leave one of them out")
        }
        if norm.names("limits"), !norm.isKept, NeedlessOption.isGiven("limits") {
            add(
                "--limits", "\(limits) with --norm '\(norm)', which says them too", expected: "one of them",
                "Leave one out")
        }
        if let rate = averagingRate, !norm.isKept {
            if !norm.has("rate") {
                // Earlier versions wrote the rate of every kind into config.yml.
                if rate != 0.1 || NeedlessOption.isGiven("averaging-rate") {
                    add(
                        "--averaging-rate",
                        "\(rate) with --norm \(norm), which has no moving averages that move",
                        expected: "--norm batch or batch-renorm with it",
                        "Leave it out, or choose one of these")
                }
            } else if normalization.tunesItself(limits) {
                add(
                    "--averaging-rate", "\(rate) with --limits auto, which needs none",
                    expected: "limits that do, such as --limits ramp", "Leave one of them out")
            }
        }
        if let momentum, optimizer == .adamw {
            add(
                "--momentum", "\(momentum) with --optimizer adamw, which has its own",
                expected: "--optimizer sgd or rmsprop with it", "Leave one of them out")
        }
        if nesterov, optimizer != .sgd || momentum == 0 {
            add(
                "--nesterov",
                optimizer == .sgd ? "it with --momentum 0" : "it with --optimizer \(optimizer.rawValue)",
                expected: "--optimizer sgd with a momentum", "Leave one of them out, or add --no-nesterov")
        }
        for (name, value) in [
            ("watch", watch.map { "\($0)" }), ("freeze-statistics-from", freezeStatisticsFrom?.description),
        ] {
            guard let value, !norm.isKept, !norm.has("rate") else { continue }
            add(
                "--\(name)", "\(value) with --norm \(norm), which has no moving averages that move",
                expected: "--norm batch or batch-renorm with it", "Leave it out, or choose one of these")
        }
        for (name, value) in [("mixup", mixup), ("cutmix", cutmix)] {
            guard let value, batchSize == 1 else { continue }
            add(
                "--\(name)", "\(value) with --batch-size 1, so that images are mixed with themselves",
                expected: "larger batches with it", "Choose some, or leave it out")
        }
        if warmup > steps {
            add(
                "--warmup", "\(warmup) steps in a run of \(steps), which never comes to its learning rate",
                expected: "at most \(steps)", "Warm up for less, or train for longer")
        }
        for (name, value) in [("evaluate-every", evaluateEvery), ("patience", patience)] {
            guard let value, validation == 0 else { continue }
            add(
                "--\(name)", "\(value) with --validation 0, so that there is nothing to evaluate",
                expected: "held-out images with it", "Hold some out with --validation, or leave it out")
        }
        if goesOn {
            let beginnings = [
                ("init", self.`init`?.description), ("from", from?.description),
                ("norm", from == nil ? nil : normalization.norm.description),
                ("learning-rate", learningRate == .auto ? "auto" : nil),
                ("init-except", initExcept), ("averages", averages?.rawValue), ("freeze", freeze),
                ("freeze-parameters", freezeParameters), ("freeze-statistics", freezeStatistics),
            ]
            for (name, value) in beginnings {
                guard let value, NeedlessOption.isGiven(name) else { continue }
                add(
                    "--\(name)", "'\(value)' with --resume, which goes on from the run's own checkpoint",
                    expected: "a new run with it", "Leave it out, or name another folder with --run")
            }
        }
        let isGrouped = (normalization.normExamples ?? batchSize) < batchSize || accumulate > 1
        result += NeedlessOption.order(
            sampling, "--sampling", sources: sources,
            hasGroups: (norm.has("examples") || norm.isKept) && isGrouped)
        return result + computing.needless
    }
}
