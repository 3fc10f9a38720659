extension TrainingConfiguration {
    /// Throws if an option is out of its range, NaN among others.
    ///
    /// - Throws: `TrainingError.option`.
    public func check() throws {
        try require(
            "steps", steps, (1...TrainingLimits.steps).contains(steps), "1 to \(TrainingLimits.steps)")
        try require("batch size", batchSize, batchSize >= 1, "at least 1")
        try require("accumulated batches", accumulation, accumulation >= 1, "at least 1")
        try require("validation examples", validation, validation >= 0, "at least 0")
        if let every = evaluateEvery {
            try require("steps between evaluations", every, every >= 1, "at least 1")
        }
        if let every = checkpointEvery {
            try require("steps between checkpoints", every, every >= 1, "at least 1")
        }
        try require(
            "evaluation batch size", evaluationBatchSize, evaluationBatchSize >= 1, "at least 1")
        try options.check(steps: steps)
    }

    /// Throws if a step takes more examples than there are to train on.
    ///
    /// - Throws: `TrainingError.option`, `ImagesError.batchSize` if one batch does, or `ImagesError.holdOut` if all are held
    ///   out.
    func check(examples: Int) throws {
        let available = max(examples - max(validation, 0), 0)
        guard batchSize >= 1, accumulation >= 1 else { return }
        guard available > 0 else {
            throw ImagesError.holdOut(requested: validation, available: examples)
        }
        guard batchSize <= available else {
            throw ImagesError.batchSize(requested: batchSize, available: available)
        }
        try require(
            "accumulated batches", accumulation, accumulation <= available / batchSize,
            "at most \(available / batchSize), which \(available) examples fill in batches of \(batchSize)")
    }

    private func require(_ name: String, _ found: Int, _ holds: Bool, _ expected: String) throws {
        if !holds { throw TrainingError.option(name: name, found: "\(found)", expected: expected) }
    }
}

extension TrainingOptions {
    fileprivate func check(steps: Int) throws {
        let rates = [0, steps / 2, steps - 1].map { learningRate.value(at: $0) }
        if let wrong = rates.first(where: { !($0 >= 0 && $0.isFinite) }) {
            throw TrainingError.option(
                name: "learning rate", found: "\(wrong)", expected: "a finite number, at least 0")
        }
        try require("weight decay", weightDecay, weightDecay >= 0, "a finite number, at least 0")
        try require("label smoothing", labelSmoothing, (0...1).contains(labelSmoothing), "0 to 1")
        if let clipNorm { try require("clip norm", clipNorm, clipNorm > 0, "a finite number above 0") }
        if let averagingRate {
            try require(
                "rate of the averages", averagingRate, averagingRate > 0 && averagingRate <= 1,
                "above 0 and at most 1")
        }
        switch optimizer {
        case .sgd(let momentum, _):
            try require("momentum", momentum, (0..<1).contains(momentum), "at least 0 and less than 1")
        case .adamW(let beta1, let beta2, let epsilon):
            try require("beta1", beta1, (0..<1).contains(beta1), "at least 0 and less than 1")
            try require("beta2", beta2, (0..<1).contains(beta2), "at least 0 and less than 1")
            try require("epsilon", epsilon, epsilon >= 0, "a finite number, at least 0")
        case .rmsProp(let decay, let epsilon, let momentum):
            try require("decay", decay, (0...1).contains(decay), "0 to 1")
            try require("epsilon", epsilon, epsilon >= 0, "a finite number, at least 0")
            try require("momentum", momentum, (0..<1).contains(momentum), "at least 0 and less than 1")
        }
    }

    private func require(_ name: String, _ found: Double, _ holds: Bool, _ expected: String) throws {
        guard holds, found.isFinite else {
            throw TrainingError.option(name: name, found: "\(found)", expected: expected)
        }
    }
}
