import RenormEngines
import RenormLayers

extension TrainedModel {
    /// The precision of activations in which its run evaluated it.
    public var precision: Precision { record.configuration.precisionOfEvaluations }

    /// The precision of activations in which it is used on an engine where none is asked for: that of its run or, where the engine
    /// has no arithmetic of bf16 or only emulates it, f32. Then accuracies can differ by a few examples.
    public func precision(on engine: any Engine) -> Precision {
        precision == .bf16 && engine.bf16Arithmetic != .native ? .f32 : precision
    }
}

extension TrainingConfiguration {
    /// The precision of activations on held-out and test examples.
    public var precisionOfEvaluations: Precision { evaluationPrecision ?? options.precision }
}

extension Precision {
    /// Throws unless an engine computes with activations of this precision, before anything is compiled.
    ///
    /// - Parameter option: What the error calls it.
    /// - Throws: `TrainingError.option`.
    func check(on engine: any Engine, option: String = "precision") throws {
        guard self == .bf16, engine.bf16Arithmetic == .none else { return }
        let description = engine.description
        throw TrainingError.option(
            name: option,
            found: "bf16, which \(description.name) cannot compute with \(description.instructionSet)",
            expected: "f32, or a processor that multiplies bf16")
    }
}
