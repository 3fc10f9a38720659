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

    /// Throws for the first that a command line names; returns what is to be said of the others.
    static func warnings(_ needless: [NeedlessOption], given names: Set<String>) throws -> [String] {
        if let refused = needless.first(where: { names.contains($0.name) }) {
            throw UsageError(refused.message)
        }
        return needless.map(\.message)
    }
}

extension NeedlessOption {
    /// What the reference engine does not need.
    static func threads(_ threads: Int?, of engine: EngineChoice) -> [NeedlessOption] {
        guard let threads, threads > 1, engine == .reference else { return [] }
        return [
            NeedlessOption(
                name: "--threads", found: "\(threads) with --engine reference, which computes on one",
                expected: "--engine onednn with it", remedy: "Leave one of them out")
        ]
    }

    /// What a network without a stem, or normalizations that take each example by itself, do not need.
    static func ofNetwork(
        _ model: String, stem: Stem, normalization: NormalizationOptions, given: Set<String>
    ) -> [NeedlessOption] {
        var result: [NeedlessOption] = []
        if !Networks.hasStem(model), stem != .cifar || given.contains("--stem") {
            result.append(
                NeedlessOption(
                    name: "--stem", found: "\(stem.rawValue) with --model \(model), which has no stem",
                    expected: "a ResNet or MobileNetV2 with it", remedy: "Leave it out, or name such a model")
            )
        }
        if let examples = normalization.examples, !normalization.has("examples") {
            result.append(
                NeedlessOption(
                    name: "--norm-examples",
                    found:
                        "\(examples) with --norm \(normalization.norm), which normalizes no examples together",
                    expected: "--norm batch or batch-renorm with it",
                    remedy: "Leave it out, or choose one of these"))
        }
        return result
    }

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
                    name: option, found: "\(sampling) with one source", expected: "several --data with it",
                    remedy: "Name them, or choose shuffled, which is the same here")
            ]
        case .sortedBatches where !hasGroups, .sortedBatchesInAnyOrder where !hasGroups:
            [
                NeedlessOption(
                    name: option,
                    found: "\(sampling) where no groups of a batch's examples are normalized apart",
                    expected:
                        "smaller groups with it (--norm-examples, or examples= of a setting), since the order within a "
                        + "group changes nothing",
                    remedy: "Name their size, or choose shuffled, which is the same here")
            ]
        default: []
        }
    }
}

extension TrainOptions {
    /// The options that have no effect in a run of so many steps.
    ///
    /// - Parameters:
    ///   - given: What the command line names.
    ///   - goesOn: Whether the run has a checkpoint to go on from.
    func needless(steps: Int, given: Set<String>, goesOn: Bool) throws -> [NeedlessOption] {
        let normalization = NormalizationOptions(norm: norm, limits: limits, examples: normExamples)
        var result = NeedlessOption.ofNetwork(model, stem: stem, normalization: normalization, given: given)
        func add(_ name: String, _ found: String, _ expected: String, _ remedy: String) {
            result.append(NeedlessOption(name: name, found: found, expected: expected, remedy: remedy))
        }
        if !normalization.has("limits"), limits != "auto" || given.contains("--limits") {
            add(
                "--limits", "\(limits) with --norm \(norm), which has none", "--norm batch-renorm with it",
                "Leave one of them out")
        }
        if let rate = averagingRate {
            if !normalization.has("rate") {
                // Earlier versions wrote the rate of every kind into config.yml.
                if rate.value != 0.1 || given.contains("--averaging-rate") {
                    add(
                        "--averaging-rate",
                        "\(rate) with --norm \(norm), which has no moving averages that move",
                        "--norm batch or batch-renorm with it", "Leave it out, or choose one of these")
                }
            } else if normalization.tunesItself {
                add(
                    "--averaging-rate", "\(rate) with --limits auto, which needs none",
                    "limits that do, such as --limits ramp", "Leave one of them out")
            }
        }
        if let momentum, optimizer == .adamw {
            add(
                "--momentum", "\(momentum) with --optimizer adamw, which has its own",
                "--optimizer sgd or rmsprop with it", "Leave one of them out")
        }
        if nesterov, optimizer != .sgd || momentum?.value == 0 {
            add(
                "--nesterov",
                optimizer == .sgd ? "it with --momentum 0" : "it with --optimizer \(optimizer.rawValue)",
                "--optimizer sgd with a momentum", "Leave one of them out, or add --no-nesterov")
        }
        if warmup > steps {
            add(
                "--warmup",
                "\(warmup) steps in a run of \(steps), which never comes to its learning rate",
                "at most \(steps)", "Warm up for less, or train for longer")
        }
        if let evaluateEvery, validation == 0 {
            add(
                "--evaluate-every",
                "\(evaluateEvery) with --validation 0, so that there is nothing to evaluate",
                "held-out images with it", "Hold some out with --validation, or leave it out")
        }
        if goesOn {
            for (name, value) in [("--init", self.`init`), ("--init-except", initExcept)] {
                guard let value, given.contains(name) else { continue }
                add(
                    name, "'\(value)' with --resume, which goes on from the run's own checkpoint",
                    "a new run with it", "Leave it out, or name another folder with --run")
            }
        }
        let hasGroups =
            normalization.has("examples") && ((normExamples ?? batchSize) < batchSize || accumulate > 1)
        result += NeedlessOption.order(
            try Sampling(parsing: sampling), "--sampling", sources: dataSources.count, hasGroups: hasGroups)
        return result + NeedlessOption.threads(threads, of: engine)
    }
}
