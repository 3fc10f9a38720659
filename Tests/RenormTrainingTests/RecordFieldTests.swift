import Foundation
import Renorm
import Testing

/// Records are decoded field by field, so that each is checked; none may be left out, be it new and have a default.
@Suite struct RecordFieldTests {
    private func expectEverythingToComeBack<Record: Codable>(_ type: Record.Type, _ text: String) throws {
        let record = try JSONCoder.decode(type, from: Data(text.utf8))
        let written = try JSONCoder.encode(record)
        let (found, expected) = (
            try JSONSerialization.jsonObject(with: Data(written.utf8)) as? NSDictionary,
            try JSONSerialization.jsonObject(with: Data(text.utf8)) as? NSDictionary
        )
        #expect(found == expected)
        // The text names every stored property.
        #expect(expected?.count == Mirror(reflecting: record).children.count, "\(type)")
    }

    private static let data = """
        {"name": "a", "classNames": ["x", "y", "z"], "image": [8, 8, 1], "training": 5, "validation": 2, "test": 3, \
        "fingerprint": "ab", "testFingerprint": "cd", "validationFingerprint": "ef", "labelOffset": 1, \
        "framing": {"height": 8, "width": 8, "channels": 1, "fit": "crop:0.5", "interpolation": "bicubic", "background": "black"}}
        """
    private static let classResult = #"{"name": "x", "examples": 4, "correct": 3, "predicted": 5}"#
    private static let evaluation = """
        {"accuracy": 0.5, "loss": 1.5, "examples": 4, "classes": [\(classResult)], "topFiveAccuracy": 0.75, \
        "calibrationError": 0.25, "meanConfidence": 0.5}
        """
    private static let best = #"{"step": 2, "accuracy": 0.5, "loss": 1.5}"#
    private static let position = #"{"epoch": 1, "step": 2, "stepsPerEpoch": 3}"#
    private static let engine = """
        {"name": "onednn", "version": "3.2", "threads": 2, "instructionSet": "AVX2", "convolution": "winograd"}
        """
    /// The rate of the averages has in files the name that it had in code.
    private static let options = """
        {"optimizer": {"name": "sgd", "momentum": 0.5, "nesterov": true}, "learningRate": \(json(Schedule.constant(0.1))), \
        "weightDecay": 0.25, "labelSmoothing": 0.125, "clipNorm": 5, "averagingRate": 0.75, "precision": "bf16", \
        "memory": "small", "recomputes": true, "layerDecay": 0.5}
        """
    private static let scaling = #"{"mean": [0.5], "deviation": [0.25]}"#

    private static func json(_ value: some Encodable) -> String {
        (try? JSONCoder.encode(value)) ?? ""
    }

    private static func configuration() throws -> String {
        """
        {"architecture": \(json(try TinyRun().configuration.architecture)), "initialization": "b", \
        "options": \(options), "steps": 9, "batchSize": 4, "accumulation": 2, "sampling": \(json(Sampling.sorted)), \
        "statisticsBySource": true, "recalibration": 8, \
        "unfreezing": \(json(Unfreezing([.init(.head, for: .steps(2)), .init(.all)]))), \
        "classWeights": {"x": 2, "y": 0, "z": 1}, \
        "augmentation": \(json(Augmentation.standard)), \
        "mixing": {"mixup": 0.25, "cutmix": 1}, "validation": 2, "seed": 3, "scaling": \(scaling), \
        "onNonFinite": "skip", "evaluateEvery": 5, "patience": 3, "checkpointEvery": 6, "evaluationBatchSize": 7, \
        "evaluationPrecision": "bf16", "statisticsFrozenFrom": 8, "watchEvery": 4}
        """
    }

    @Test func dataComeBack() throws {
        try expectEverythingToComeBack(DataDescription.self, Self.data)
        try expectEverythingToComeBack(EngineDescription.self, Self.engine)
        try expectEverythingToComeBack(RunEnvironment.self, #"{"build": "c", "engine": \#(Self.engine)}"#)
    }

    /// Runs of before there was a choice computed convolutions directly.
    @Test func anEngineWithoutAlgorithmIsDirect() throws {
        let text = Self.engine.replacing(#", "convolution": "winograd""#, with: "")
        #expect(text != Self.engine)
        let engine = try JSONCoder.decode(EngineDescription.self, from: Data(text.utf8))
        #expect(engine.convolution == .direct && engine.threads == 2)
        #expect(throws: DecodingError.self) {
            try JSONCoder.decode(
                EngineDescription.self, from: Data(Self.engine.replacing("winograd", with: "fast").utf8))
        }
    }

    @Test func evaluationsComeBack() throws {
        try expectEverythingToComeBack(Evaluation.ClassResult.self, Self.classResult)
        try expectEverythingToComeBack(Evaluation.self, Self.evaluation)
    }

    @Test func configurationsComeBack() throws {
        try expectEverythingToComeBack(TrainingOptions.self, Self.options)
        try expectEverythingToComeBack(TrainingConfiguration.self, Self.configuration())
        let options = try JSONCoder.decode(TrainingOptions.self, from: Data(Self.options.utf8))
        #expect(options.parameterAveragingRate == 0.75)
    }

    @Test func checkpointsComeBack() throws {
        try expectEverythingToComeBack(BestState.self, Self.best)
        try expectEverythingToComeBack(EpochPosition.self, Self.position)
        try expectEverythingToComeBack(
            CheckpointRecord.self,
            """
            {"format": 1, "step": 5, "position": \(Self.position), "configuration": \(Self.configuration()), \
            "overrides": [{"pattern": "conv1", "isTrainable": false}], \
            "schedules": {"learning_rate": \(Self.json(Schedule.constant(0.1)))}, "scaling": \(Self.scaling), \
            "data": \(Self.data), "environment": {"build": "c", "engine": \(Self.engine)}, "best": \(Self.best), \
            "evaluatedAt": 4, "domains": ["a", "b"], "evaluationsSinceBest": 1, "skippedBatches": 2, "skipsInARow": 1, "validation": \(Self.evaluation), \
            "test": \(Self.evaluation)}
            """)
    }
}
