import Foundation
import Renorm

/// The whole files that damage is done to. They are made anew by each run, always the same, so none is kept in the
/// repository.
struct Seeds {
    /// Where they are.
    let folder: URL

    /// Images of 8 × 8 pixels of three classes.
    static func dataset(_ count: Int, _ stream: String) throws -> Dataset {
        var random = Random(seed: 1, stream: stream)
        let pixels = (0..<count * 64).map { _ in UInt8(random.integer(below: 256)) }
        return try Dataset(
            name: stream, images: NDArray(pixels, shape: [count, 8, 8, 1]),
            labels: (0..<count).map { Int32($0 % 3) }, classNames: ["a", "b", "c"])
    }

    /// Runs of two steps, which differ in what they save.
    static let runs: [(name: String, configuration: TrainingConfiguration, overrides: [Override])] = [
        (
            "automatic",
            configuration(
                Normalization(.batchRenorm),
                TrainingOptions(learningRate: .constant(0.05), parameterAveragingRate: 0.1)), []
        ),
        (
            "ramp",
            configuration(
                Normalization(
                    .batchRenorm(.limits(.ramp(from: 1, rMax: 3, at: 9, dMax: 5, at: 7)), examples: 2)),
                TrainingOptions(
                    optimizer: .adamW(), learningRate: .linear([(0, 0.1), (5, 0.01)]).warmedUp(over: 2),
                    weightDecay: 1e-3,
                    labelSmoothing: 0.1, clipNorm: 5)),
            [.freeze("conv1"), Override("**.bn*", isTrainable: false)]
        ),
        (
            "batch",
            configuration(
                Normalization(.batch),
                TrainingOptions(optimizer: .rmsProp(), learningRate: .step(0.01, at: [1, 2]))),
            [Override("bn2", normalization: Normalization(.group(1)))]
        ),
    ]

    private static func configuration(
        _ normalization: Normalization, _ options: TrainingOptions
    ) -> TrainingConfiguration {
        TrainingConfiguration(
            architecture: Architecture(
                name: "small:0.05", classes: 3, input: [8, 8, 1], normalization: normalization),
            options: options, steps: 2, batchSize: 4,
            sampling: .labelBlocks(labels: 1, each: normalization.examples ?? 4),
            augmentation: .standard, validation: 6, seed: 3, evaluateEvery: 1, evaluationBatchSize: 5,
            watchEvery: 1)
    }

    /// The trainer of a run in a folder.
    static func trainer(_ run: Int, in folder: URL, steps: Int, resumes: Bool = false) throws -> Trainer {
        var configuration = runs[run].configuration
        configuration.steps = steps
        let architecture = configuration.architecture!
        let model = try Model(
            architecture.makeLayer(), input: architecture.input, overrides: runs[run].overrides, seed: 3)
        return Trainer(
            model: model, configuration: configuration, engine: ReferenceEngine(),
            training: try dataset(36, "training"),
            test: try dataset(9, "test"), folder: RunFolder(folder), resumes: resumes)
    }

    /// A network that adapts to streams.
    static func streamed() throws -> Model {
        try Model(
            Architecture(
                name: "small:0.05", classes: 3, input: [8, 8, 1], normalization: Normalization(.batch)
            )
            .makeLayer(), input: [8, 8, 1], seed: 3)
    }

    /// What is known of how its images scatter.
    static func sourceStatistics() throws -> SourceStatistics {
        let images = try dataset(36, "training")
        return try SourceStatistics.measure(
            streamed(), on: ImageBatches(images, scaling: InputScaling(mean: [0.5], deviation: [0.25])),
            labels: images.labels, rank: 4,
            engine: ReferenceEngine())
    }

    /// The experiment whose results are read.
    static let experiment = Experiment(
        model: "small:0.05",
        contenders: [
            Experiment.Contender("batch", normalization: Normalization(.batch)),
            Experiment.Contender("batch-renorm", normalization: Normalization(.batchRenorm)),
        ],
        settings: [Experiment.Setting("fours", sampling: .shuffled, batchSize: 4, examples: 2)],
        seeds: [0, 1], steps: 2)

    /// What its runs share.
    static func common() throws -> ExperimentFolder.Common {
        try ExperimentFolder.Common(
            experiment,
            Experiment.Data(training: dataset(36, "training"), heldOut: 6, test: dataset(9, "test")))
    }

    /// Makes the files.
    func write() async throws {
        for (index, run) in Seeds.runs.enumerated() {
            try await Seeds.trainer(index, in: file(run.name), steps: 2).run()
        }
        try NamedArrays(
            [
                "f32": NDArray([1, 2, 3, 4, 5, 6] as [Float], shape: [2, 3]),
                "f64": NDArray([0.5], shape: [1]), "i64": NDArray(scalar: Int64(3)),
                "u8": NDArray([1, 2, 3] as [UInt8], shape: [3]), "empty": NDArray(zeros: [0, 4]),
            ], metadata: ["note": "all types"]
        ).write(safetensors: file("types.safetensors"))
        try Seeds.sourceStatistics().arrays.write(safetensors: file("source-statistics.safetensors"))
        var folder = try ExperimentFolder(file("experiment"), Seeds.common())
        let data = try Experiment.Data(
            training: Seeds.dataset(36, "training"), heldOut: 6, test: Seeds.dataset(9, "test"))
        for cell in Seeds.experiment.cells {
            try folder.add(try await Seeds.experiment.run(cell, data, on: ReferenceEngine()))
        }
    }

    /// A file by its name.
    func file(_ name: String) -> URL { folder.appendingPathComponent(name) }

    /// Its bytes.
    func bytes(_ name: String) throws -> [UInt8] { try [UInt8](Data(contentsOf: file(name))) }
}
