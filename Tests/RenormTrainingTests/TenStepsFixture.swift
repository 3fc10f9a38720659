import Foundation
import Renorm
import RenormTestSupport

/// Ten steps of `small:0.5` as PyTorch or NumPy did them (`Tests/Fixtures/ten-steps`), and the same run as this library
/// sets it up.
struct TenStepsFixture {
    /// What the file says of itself.
    struct Description: Decodable {
        var normalization: String
        var epsilon: Double
        var averagingRate: Double
        var examples: Int?
        var labelSmoothing: Double
        var clipNorm: Double?
        var optimizer: OptimizerDescription
        var counter: Int?
        var rMax: [Double]?
        var dMax: [Double]?
        var parameters: [String]
        var sensitivity: [String: Double]?

        enum CodingKeys: String, CodingKey {
            case normalization, epsilon, examples, optimizer, counter, parameters, sensitivity
            case averagingRate = "averaging_rate"
            case labelSmoothing = "label_smoothing"
            case clipNorm = "clip_norm"
            case rMax = "r_max"
            case dMax = "d_max"
        }
    }

    /// PyTorch's options.
    struct OptimizerDescription: Decodable {
        var name: String
        var learningRate: Double
        var weightDecay: Double
        var momentum: Double?
        var nesterov: Bool?
        var beta1: Double?
        var beta2: Double?
        var epsilon: Double?
        var alpha: Double?

        enum CodingKeys: String, CodingKey {
            case name, momentum, nesterov, beta1, beta2, epsilon, alpha
            case learningRate = "learning_rate"
            case weightDecay = "weight_decay"
        }

        var optimizer: Optimizer {
            switch name {
            case "sgd": .sgd(momentum: momentum!, nesterov: nesterov!)
            case "adamw": .adamW(beta1: beta1!, beta2: beta2!, epsilon: epsilon!)
            default: .rmsProp(decay: alpha!, epsilon: epsilon!, momentum: momentum!)
            }
        }
    }

    private struct InputDescription: Decodable {
        var mean: Double
        var deviation: Double
    }

    let fixture: Fixture
    let description: Description
    let inputs: Fixture
    /// The network with the parameters and averages from before the first step.
    let model: Model
    let options: TrainingOptions
    private let scaling: InputDescription

    init(_ name: String) throws {
        fixture = try Fixture("ten-steps/\(name)")
        inputs = try Fixture("ten-steps/inputs")
        description = try fixture.description(as: Description.self)
        scaling = try inputs.description(as: InputDescription.self)

        // A straight line between neighbouring steps passes through every limit.
        func schedule(_ values: [Double]?) -> Schedule {
            .linear((values ?? [0]).enumerated().map { ($0, $1) })
        }
        var normalization = try Normalization(parsing: description.normalization)
        normalization.epsilon = description.epsilon
        switch normalization.kind {
        case is BatchNormalization:
            normalization.kind = .batch(averagingRate: description.averagingRate)
        case is BatchRenormalization:
            let limits = Limits(rMax: schedule(description.rMax), dMax: schedule(description.dMax))
            normalization.kind = .batchRenorm(.limits(limits, averagingRate: description.averagingRate))
        default: break
        }
        normalization.examples = description.examples == 16 ? nil : description.examples
        var model = try Architecture(
            name: "small:0.5", classes: 10, input: [28, 28, 1], normalization: normalization
        ).makeModel(seed: 0)
        for (path, value) in inputs.arrays(under: "initial.") { model.variables[path]!.value = value }
        if let counter = description.counter, counter > 0 {
            for (path, value) in inputs.arrays(under: "averages.") { model.variables[path]!.value = value }
            for index in 1...5 {
                model.variables["bn\(index).num_batches_tracked"]!.value = NDArray(scalar: Int64(counter))
            }
        }
        self.model = model
        options = TrainingOptions(
            optimizer: description.optimizer.optimizer,
            learningRate: .constant(description.optimizer.learningRate),
            weightDecay: description.optimizer.weightDecay, labelSmoothing: description.labelSmoothing,
            clipNorm: description.clipNorm)
    }

    /// The images of step 1 to 10, scaled in f64.
    func images(_ step: Int) -> NDArray {
        let bytes = inputs["images"].rows(step - 1..<step).reshaped(to: [16, 28, 28, 1])
        let values = bytes.doubles.map { ($0 / 255 - scaling.mean) / scaling.deviation }
        return NDArray(values, shape: bytes.shape)
    }

    /// The labels of step 1 to 10.
    func labels(_ step: Int) -> NDArray {
        inputs["labels"].rows(step - 1..<step).reshaped(to: [16]).converted(to: .i32)
    }
}

/// What ten steps of this library give.
struct TenStepsRun {
    var losses: [Double] = []
    var gradientNorms: [Double] = []
    /// By step (1 and 10) and path.
    var gradients: [Int: [String: NDArray]] = [:]
    var states: [Int: Variables] = [:]
    var logits: NDArray

    /// Trains on an engine that is fed arrays of the given type.
    init(_ setting: TenStepsFixture, on engine: any Engine, type: ElementType) throws {
        let training = try TrainingGraph(setting.model, batch: 16, options: setting.options)
        let step = try engine.compile(training.graph)
        let gradient = try engine.compile(TenStepsRun.gradientGraph(setting))
        let store = try engine.makeStore(training.initialState(of: setting.model))
        for number in 1...10 {
            let feeds = [
                "images": setting.images(number).converted(to: type), "labels": setting.labels(number),
            ]
            if number == 1 || number == 10 {
                gradients[number] = try gradient.run(feeds, step: number - 1, on: store)
            }
            let results = try step.run(feeds, step: number - 1, on: store)
            losses.append(results["loss"]!.doubles[0])
            gradientNorms.append(results["gradient_norm"]!.doubles[0])
            if number == 1 || number == 10 { states[number] = try store.read() }
        }
        logits = try engine.compile(setting.model.graph(batch: 16)).run(
            ["images": setting.images(1).converted(to: type)], step: 10, on: store)["logits"]!
    }

    /// The gradients of the training loss by path, without any update.
    private static func gradientGraph(_ setting: TenStepsFixture) throws -> Graph {
        let builder = GraphBuilder()
        let images = builder.input("images", shape: [16, 28, 28, 1])
        let labels = builder.input("labels", shape: [16], type: .i32)
        let logits = try setting.model.trace(images, on: builder, phase: .training).output
        let loss = try logits.softmaxCrossEntropy(
            labels: labels, smoothing: setting.options.labelSmoothing
        ).mean()
        let paths = builder.graph.variables.values.filter { $0.kind == .parameter }.map(\.path)
        let gradients = try builder.gradients(of: loss, for: paths.map { try builder.variable(at: $0) })
        for (path, gradient) in zip(paths, gradients) { builder.fetch(gradient, as: path) }
        let graph = builder.graph
        return Graph(
            nodes: graph.nodes, fetches: graph.fetches, updates: [], guards: [],
            schedules: graph.schedules, variables: graph.variables
        ).pruned()
    }
}
