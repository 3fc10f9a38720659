import RenormArrays
import RenormImages

extension TrainingConfiguration {
    /// Throws if an option is out of its range, NaN among others.
    ///
    /// - Throws: `TrainingError.option`.
    public func check() throws {
        if let fault { throw TrainingError(fault) }
    }

    /// Throws if a step takes more examples than there are to train on.
    ///
    /// - Throws: `TrainingError.option`, `ImagesError.batchSize` if one batch does, or `ImagesError.holdOut` if none are left.
    func check(examples: Int) throws {
        guard validation < examples else {
            throw ImagesError.holdOut(requested: validation, available: examples)
        }
        let available = examples - max(validation, 0)
        guard batchSize >= 1, accumulation >= 1 else { return }
        guard batchSize <= available else {
            throw ImagesError.batchSize(requested: batchSize, available: available)
        }
        let most = available / batchSize
        if let fault = Fault(
            of: "accumulated batches", "\(accumulation)",
            "at most \(most), which \(available) examples fill in batches of \(batchSize)",
            unless: accumulation <= most)
        {
            throw TrainingError(fault)
        }
    }
}

extension TrainingConfiguration: Checkable {
    /// What is wrong with the options, but for what depends on the data.
    package var fault: Fault? {
        func count(_ name: String, _ found: Int?, from least: Int = 1, to most: Int = TrainingLimits.examples)
            -> Fault?
        {
            guard let found else { return nil }
            return Fault(of: name, "\(found)", "\(least) to \(most)", unless: (least...most).contains(found))
        }
        return .first(
            count("steps", steps, to: TrainingLimits.steps), count("batch size", batchSize),
            count("accumulated batches", accumulation), count("validation examples", validation, from: 0),
            count("steps between evaluations", evaluateEvery, to: .max),
            count("patience", patience),
            count("steps between checkpoints", checkpointEvery, to: .max),
            count("evaluation batch size", evaluationBatchSize), rateFault, options.fault,
            architecture?.fault,
            sampling.fault, unfreezing.fault, count("examples of recalibration", recalibration, from: 0),
            count("step that statistics are frozen from", statisticsFrozenFrom, to: TrainingLimits.steps),
            count("steps between looks", watchEvery, to: .max), classWeights.fault, augmentation.fault,
            mixing.fault, scaling?.fault)
    }

    /// What is wrong with the learning rate of the steps that are made.
    private var rateFault: Fault? {
        let steps = max(steps, 1)
        let rates =
            options.learningRate.turningValues(in: 0..<steps) + [options.learningRate.value(at: steps / 2)]
        return rates.first { !($0 >= 0 && $0.isFinite) }.map {
            Fault(of: "learning rate", "\($0)", "a finite number, at least 0")
        }
    }
}

extension TrainingOptions: Checkable {
    /// What is wrong with the options, but for the values of the learning rate, which depend on the run's length.
    package var fault: Fault? {
        func number(_ name: String, _ found: Double?, _ expected: String, _ holds: (Double) -> Bool) -> Fault?
        {
            found.flatMap { Fault(of: name, "\($0)", expected, unless: $0.isFinite && holds($0)) }
        }
        return .first(
            learningRate.fault.map { Fault(of: "learning rate", $0.found, $0.expected) },
            number("weight decay", weightDecay, "a finite number, at least 0") { $0 >= 0 },
            number("label smoothing", labelSmoothing, "0 to less than 1") { (0..<1).contains($0) },
            number("clip norm", clipNorm, "a finite number above 0") { $0 > 0 },
            number("rate of the averages", parameterAveragingRate, "above 0 and at most 1") {
                $0 > 0 && $0 <= 1
            },
            number("layer decay", layerDecay, "above 0 and at most 1") { $0 > 0 && $0 <= 1 },
            optimizer.fault)
    }
}
