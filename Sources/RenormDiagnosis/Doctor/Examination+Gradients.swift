import RenormGraphs
import RenormImages
import RenormLayers
import RenormTraining

#if canImport(Darwin)
    import Darwin
#else
    import Glibc
#endif

extension Examination {
    /// Whether every layer learns: gradients on a few training batches, activations that are at their limit, and parameters that
    /// training has left where they were. Where the network does better than chance these are information: it has learned somehow.
    func testGradients() throws {
        try checkCancellation()
        guard let seen = try gradientPass() else { return }
        activations = seen.activations
        gradients = seen.gradients.map { path, norm in diagnosis(of: path, gradient: norm) }
        // A scale of 0 is said already: nothing comes through it, and the normalization after it, of constants, divides by √ε alone. Beside a
        // gradient that explodes every other one is small.
        let isExplained = findings.contains { $0.cause == .zeroGamma }
        if !isExplained, !testExploding(seen) { testVanishing() }
        testSaturation()
        testUntrained()
    }

    /// What is not finite, or many times what it is to change.
    private func testExploding(_ seen: GradientPass.Result) -> Bool {
        let exploding = gradients.layers.filter {
            !$0.gradient.isFinite
                || ($0.gradient > thresholds.leastExploding && ($0.ratio ?? 0) > thresholds.exploding)
        }
        func size(_ layer: GradientDiagnosis) -> Double {
            layer.gradient.isFinite ? layer.ratio ?? 0 : .infinity
        }
        guard let worst = exploding.max(by: { size($0) < size($1) }) else { return false }
        addLearning(
            .explodingGradients, layer: worst.path,
            evidence: [
                "gradient": worst.gradient, "weight": worst.weight, "layers": Double(exploding.count),
                "loss": seen.loss,
            ],
            note: worst.gradient.isFinite
                ? "a step as large as the gradient would be many times what is there"
                : "the gradient is not finite, so that a step would leave nothing that is",
            remedy: "train with a smaller learning rate, or with --clip-norm")
        return true
    }

    /// What is many orders below that of the other layers or, in a network that has learned nothing, next to nothing. Of a network that
    /// has learned its pictures by heart all gradients are small alike.
    private func testVanishing() {
        let usual = gradients.usualRatio
        let bound = max(usual * thresholds.vanishingBesideOthers, isAtChance ? thresholds.vanishing : 0)
        let vanishing = gradients.layers.filter { ($0.ratio ?? 1) < bound }
        // The one next to the loss: there it is lost.
        guard let last = vanishing.last, let first = vanishing.first else { return }
        addLearning(
            .vanishingGradients, layer: last.path,
            evidence: [
                "ratio": last.ratio ?? 0, "usual_ratio": usual, "layers": Double(vanishing.count),
            ],
            note: vanishing.count == 1
                ? "nothing comes back to it"
                : "nothing comes back to \(vanishing.count) layers from \(first.path) on",
            remedy:
                "look at what comes after it: a scale next to 0, or activations that are 0 or at their limit everywhere"
        )
    }

    private func testSaturation() {
        let saturated = activations.filter {
            $0.function.stopsGradients && $0.saturated > thresholds.saturated
        }
        guard let worst = saturated.max(by: { $0.saturated < $1.saturated }) else { return }
        addLearning(
            .saturatedActivations, layer: worst.path,
            evidence: ["saturated": worst.saturated, "layers": Double(saturated.count)],
            note: "\(worst.function.rawValue) tells apart nothing of what is above its limit", remedy: nil)
    }

    /// Layers that a run was to train, and whose parameters are to the bit what it started from.
    private func testUntrained() {
        guard let origin = subject.history.origin, subject.history.trainsEverything,
            subject.history.step.map({ $0 > 0 }) ?? false
        else { return }
        var (layers, moved): ([String], Set<String>) = ([], [])
        for parameter in gradients {
            guard let before = origin[parameter.path]?.value,
                let now = model.variables[parameter.path]?.value,
                before.shape == now.shape, before == now
            else {
                moved.insert(parameter.layer)
                continue
            }
            if !layers.contains(parameter.layer) { layers.append(parameter.layer) }
        }
        let untrained = layers.filter { !moved.contains($0) }
        // Where nothing has moved it is the origin itself that is looked at.
        guard let first = untrained.first, !moved.isEmpty else { return }
        let count = "\(untrained.count) \(untrained.count == 1 ? "layer" : "layers")"
        addLearning(
            .untrainedLayer, layer: first, evidence: ["layers": Double(untrained.count)],
            note: "every parameter of \(count) is what training started from, though nothing was frozen",
            remedy: nil)
    }

    /// A finding where the network does no better than chance and nothing that was found before says why; information elsewhere.
    private func addLearning(
        _ cause: Cause, layer: String, evidence: [String: Double], note: String, remedy: String?
    ) {
        let isFinding = isAtChance && !findings.contains { $0.kind == .finding }
        add(
            Finding(
                cause, kind: isFinding ? .finding : .information, layer: layer, loss: isFinding ? .nan : 0,
                accuracy: isFinding ? .nan : 0, evidence: evidence, note: note,
                remedy: isFinding ? remedy.map { Finding.Remedy($0) } : nil))
    }

    /// Whether the network does no better than to say the most frequent class always, whatever statistics it has.
    private var isAtChance: Bool {
        guard let best = scores.values.map(\.accuracy).max(), scored.count > 0 else { return false }
        let counts = Dictionary(scored.labels.map { ($0, 1) }, uniquingKeysWith: +)
        return best <= Double(counts.values.max() ?? 0) / Double(scored.count) + thresholds.chance
    }

    // MARK: Measuring

    /// A few batches as training draws them; fewer examples where the activations of a whole batch would not fit the memory. `nil` where
    /// there are too few pictures for one.
    private func gradientPass() throws -> GradientPass.Result? {
        let together = try model.commonGroupSize() ?? 1
        let builder = GraphBuilder()
        let traced = try model.trace(
            builder.images(model.input, batch: together), on: builder, phase: .training)
        // Backwards everything is needed that layers have given.
        let elements = traced.layers.reduce(0) { $0 + $1.output.elementCount } / together
        let fitting = Examination.mostElements / max(elements, 1)
        let most = min(subject.history.batchSize, reference.count, max(fitting, 1))
        let batch = max(most / together, 1) * together
        guard reference.count >= batch else {
            remarks.append(
                "\(reference.count) pictures fill no group of \(together): gradients were not measured")
            return nil
        }
        let steps = min(
            max(Examination.mostPictures / batch, 1), Examination.mostBatches, reference.count / batch)
        let loader = try drawnBatches(
            of: batch, steps: steps, groupSize: model.commonGroupSize() ?? batch)()
        defer { loader.cancel() }
        return try GradientPass(
            engine: engine, labelSmoothing: subject.history.labelSmoothing, seed: subject.history.seed
        ).run(model, on: loader, of: batch, step: subject.history.step ?? 0)
    }

    /// Activations of 2 GiB, each kept once.
    private static let mostElements = 1 << 29
    private static let mostPictures = 256
    private static let mostBatches = 4

    private func diagnosis(of path: String, gradient: Double) -> GradientDiagnosis {
        let values = model.variables[path]?.value.doubles ?? []
        let weight = values.reduce(0) { $0 + $1 * $1 }.squareRoot()
        var result = GradientDiagnosis(
            path: path, elements: values.count, gradient: gradient, weight: weight)
        guard weight > 0, let optimizer = subject.history.optimizer, let rate = subject.history.learningRate
        else { return result }
        switch optimizer {
        // Of one gradient alone; momentum m makes steps up to 1/(1 − m) times as long where gradients agree.
        case .sgd: result.update = rate * gradient / weight
        // Each value moves by about the rate, however large its gradient is.
        case .adamW, .rmsProp: result.update = rate * Double(values.count).squareRoot() / weight
        }
        return result
    }
}
