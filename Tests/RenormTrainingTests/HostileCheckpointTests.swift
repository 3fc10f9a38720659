import Foundation
import Renorm
import Testing

/// Checkpoints whose JSON is valid and says what no run says.
@Suite struct HostileCheckpointTests {
    /// Writes the run's last checkpoint again with other JSON, and leaves the arrays as they are.
    private func rewrite(_ url: URL, _ change: (inout [String: Any]) throws -> Void) throws {
        var file = try NamedArrays(safetensors: url)
        let text = try #require(file.metadata["renorm.checkpoint"])
        var record = try #require(JSONSerialization.jsonObject(with: Data(text.utf8)) as? [String: Any])
        try change(&record)
        let data = try JSONSerialization.data(withJSONObject: record)
        file.metadata["renorm.checkpoint"] = String(decoding: data, as: UTF8.self)
        try file.write(safetensors: url)
    }

    /// Sets the value at names joined by dots.
    private func set(_ names: ArraySlice<Substring>, to value: Any, in object: inout [String: Any]) throws {
        let name = String(names.first!)
        guard names.count > 1 else {
            object[name] = value
            return
        }
        var inner = try #require(object[name] as? [String: Any], "there is no \(name)")
        try set(names.dropFirst(), to: value, in: &inner)
        object[name] = inner
    }

    /// Places in the record, values of JSON, and a part of what is said.
    static let absurd: [(String, String, String)] = [
        ("step", "-5", "step: found -5; expected 0 to 4"),
        ("step", "9223372036854775807", "expected 0 to 4"),
        ("step", "5", "step: found 5; expected 0 to 4"),
        ("evaluatedAt", "-1", "last evaluation"),
        ("skippedBatches", "9223372036854775807", "skipped batches"),
        ("skipsInARow", "-9223372036854775808", "in a row"),
        ("position.stepsPerEpoch", "0", "position"),
        ("position.epoch", "-1", "position"),
        ("best.step", "99", "best state"),
        ("best.accuracy", "-2", "best: accuracy"),
        ("validation.examples", "-1", "validation: examples"),
        ("validation.accuracy", "1e300", "validation: accuracy"),
        ("scaling", #"{"mean": [], "deviation": []}"#, "0 means and 0 deviations"),
        ("scaling", #"{"mean": [0.5, 0.5], "deviation": [0.2]}"#, "2 means and 1 deviations"),
        ("scaling", #"{"mean": [0.5, 0.5], "deviation": [0.2, 0.2]}"#, "found 2 channels; expected 1"),
        ("scaling", #"{"mean": [0.5], "deviation": [0]}"#, "a deviation of 0.0"),
        ("scaling", #"{"mean": [0.5], "deviation": [-0.2]}"#, "a deviation of -0.2"),
        ("scaling", #"{"mean": [0.5], "deviation": [1e-300]}"#, "stay finite"),
        ("scaling", #"{"mean": ["nan"], "deviation": [1]}"#, "a mean of nan"),
        ("data.classNames", #"["a"]"#, "3 classes on images of [8, 8, 1]; expected 1"),
        ("data.classNames", "[]", "classes: found none"),
        ("data.image", "[8, 8, -1]", "at least 0"),
        ("data.image", "[8, 8]", "[height, width, channels]"),
        ("data.image", "[1000000, 1000000, 1]", "2^28"),
        ("data.image", "[16, 16, 1]", "framing: found images of 8×8×1; expected those of [16, 16, 1]"),
        ("data.training", "-1", "examples trained on"),
        ("data.test", "9223372036854775807", "test examples"),
        ("configuration.steps", "-4", "steps: found -4; expected 1 to 16777216"),
        ("configuration.batchSize", "0", "batch size"),
        ("configuration.batchSize", "9223372036854775807", "batch size"),
        ("configuration.accumulation", "-1", "accumulated batches"),
        ("configuration.evaluationBatchSize", "0", "evaluation batch size"),
        ("configuration.validation", "-1", "validation examples"),
        ("configuration.checkpointEvery", "0", "steps between checkpoints"),
        ("configuration.sampling", #""label-blocks:0x4""#, "sampling"),
        ("configuration.options.optimizer.momentum", "1.5", "momentum"),
        ("configuration.options.weightDecay", "-1", "weight decay"),
        ("configuration.options.labelSmoothing", "2", "label smoothing"),
        ("configuration.options.clipNorm", "0", "clip norm"),
        ("configuration.options.averagingRate", "-1", "averages"),
        ("configuration.options.learningRate", #"{"kind": "constant", "value": -1}"#, "learning rate"),
        (
            "configuration.options.learningRate",
            #"{"kind": "constant", "value": 1, "warmup": 9223372036854775807}"#,
            "a warm-up of"
        ),
        ("configuration.architecture.classes", "4294967296", "4294967296 classes"),
        ("configuration.architecture.classes", "-3", "classes"),
        ("configuration.architecture.input", "[8, 8, 9223372036854775807]", "2^40"),
        ("configuration.architecture.normalization.epsilon", "-1", "epsilon -1.0"),
        ("configuration.architecture.normalization.epsilon", #""inf""#, "epsilon inf"),
        ("configuration.architecture.normalization.averagingRate", #""nan""#, "averaging rate"),
        ("configuration.architecture.normalization.examples", "-2", "groups of -2 examples"),
        (
            "configuration.architecture.normalization.limits.r_max", #"{"kind": "constant", "value": 0.5}"#,
            "r_max falls to 0.5"
        ),
        ("schedules.r_max", #"{"kind": "linear", "points": [[0, 1], [9e18, 3]]}"#, "at most 2^40"),
        ("overrides", #"[{"pattern": 3}]"#, "overrides.[0].pattern"),
    ]

    @Test(arguments: absurd)
    func isRefusedByEvaluationAndByResuming(place: String, json: String, expected: String) async throws {
        let folder = try TemporaryFolder()
        var run = try TinyRun(folder.appending("run"), steps: 4)
        run.configuration.options.parameterAveragingRate = 0.5
        try await run.finish()
        let value = try JSONSerialization.jsonObject(with: Data(json.utf8), options: .fragmentsAllowed)
        let file = run.folder!.last
        try rewrite(file) { try set(place.split(separator: ".")[...], to: value, in: &$0) }
        let error = try #require(throws: TrainingError.self) { try TrainedModel(reading: file) }
        let message = error.description
        #expect(message.contains(expected) && message.contains("is no checkpoint of a run"), "\(message)")
        let (events, failure) = try await run.events(resumes: true)
        #expect(events.steps.isEmpty)
        #expect("\(try #require(failure))" == message)
    }

    /// A few kilobytes can name a network of gigabytes.
    @Test(arguments: ["small:64", "mobilenetv2:64", "resnet50"])
    func shapesAreComparedBeforeAnyValueIsDrawn(name: String) async throws {
        let folder = try TemporaryFolder()
        let run = try TinyRun(folder.appending("run"), steps: 2)
        try await run.finish()
        let file = run.folder!.model
        try rewrite(file) { try set(["configuration", "architecture", "name"], to: name, in: &$0) }
        let clock = ContinuousClock()
        let time = clock.measure {
            #expect(throws: VariablesError.self) { try TrainedModel(reading: file) }
        }
        // Drawing the values takes ten times as long.
        #expect(time < .seconds(4), "\(time)")
    }

    @Test func averagesOfAnotherShapeAreRefused() async throws {
        let folder = try TemporaryFolder()
        var run = try TinyRun(folder.appending("run"), steps: 2)
        run.configuration.options.parameterAveragingRate = 0.5
        try await run.finish()
        var file = try NamedArrays(safetensors: run.folder!.last)
        file.arrays["average.bn1.weight"] = NDArray(zeros: [1])
        try file.write(safetensors: run.folder!.last)
        let error = try #require(throws: VariablesError.self) { try TrainedModel(reading: run.folder!.last) }
        #expect(error.description.contains("average.bn1.weight"), "\(error)")
    }

    @Test func aScalingOfCodeForOtherChannelsIsRefused() async throws {
        var run = try TinyRun(steps: 2)
        run.configuration.scaling = InputScaling(mean: [0, 0, 0], deviation: [1, 1, 1])
        let (_, error) = try await run.events()
        #expect("\(try #require(error))".contains("scaling: found 3 channels; expected 1"))
    }
}
