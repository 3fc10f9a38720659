import Foundation
import MachineLimits
import Renorm
import Serving

/// The work that is timed: a network compiled for a batch, with a batch of synthetic images.
final class Work: Served {
    /// What the options ask for, and what getting ready took.
    struct Facts: Encodable {
        var ready = true
        var program = "renorm"
        var modes = ["default"]
        /// Questions that it answers beyond the protocol.
        var offers = ["floor"]
        var version: String
        var network: String
        var normalization: String
        var batch: Int
        var threads: Int
        /// How convolutions are computed.
        var convolution: ConvolutionAlgorithm
        /// The memory of the process when it had started, and right before compiling.
        var bytesAtStart = ProcessMemory.resident
        var bytesBeforeCompiling = 0
        /// The peak that the memory plan promises, variables not included, and those.
        var plannedBytes = 0
        var variableBytes = 0
        var compileSeconds = 0.0
    }

    private(set) var facts: Facts
    let graph: Graph
    let executable: any Executable
    let store: any Store
    let feeds: [NDArray]
    /// The same step with convolutions computed in other ways, from when the floor is asked for.
    var rivals: [Rival]?
    private var count = 0

    init(_ options: Options) throws {
        let architecture = try options.architecture()
        let batch = try options.number("batch", default: 64)
        let engine = try OneDNNEngine(
            threads: options.number("threads", default: 2),
            convolution: options.choice("convolution", default: .auto))
        facts = Facts(
            version: "\(engine.description.name) \(engine.description.version)", network: architecture.name,
            normalization: architecture.normalization.kind.word, batch: batch,
            threads: engine.threads, convolution: engine.convolution)

        let state: Variables
        (graph, state) = try Work.graph(architecture, batch: batch, options)
        facts.variableBytes = 4 * state.reduce(0) { $0 + $1.variable.value.elementCount }
        store = try engine.makeStore(state)
        facts.bytesBeforeCompiling = ProcessMemory.resident
        let start = ContinuousClock.now
        executable = try engine.compile(graph)
        facts.compileSeconds = (ContinuousClock.now - start) / .seconds(1)
        facts.plannedBytes = executable.plannedByteCount
        feeds = Work.feeds(graph, classes: architecture.classes)
        _ = try run(options.number("warmup", default: 3))
    }

    /// The graph and the values that it starts from. (They live no longer than it takes to make the store, because the
    /// memory of the process is measured too.)
    private static func graph(
        _ architecture: Architecture, batch: Int, _ options: Options
    ) throws -> (Graph, Variables) {
        let model = try architecture.makeModel(seed: 0)
        let precision = try options.choice("precision", default: Precision.f32)
        guard try options.isTraining() else {
            return (try inference(model, batch: batch, precision, options.taps()), model.variables)
        }
        // A small rate: the network must not learn its one batch by heart, for then gradients would vanish into
        // denormal numbers, which are slow.
        let step = try TrainingGraph(
            model, batch: batch,
            options: TrainingOptions(
                optimizer: .sgd(momentum: 0.9, nesterov: true), learningRate: .constant(0.001),
                weightDecay: 5e-4, precision: precision, memory: options.choice("memory", default: .fast),
                recomputes: options.has("recompute")))
        return (step.graph, step.initialState(of: model))
    }

    private static func inference(
        _ model: Model, batch: Int, _ precision: Precision, _ isTapped: (Op) -> Bool
    ) throws -> Graph {
        let builder = GraphBuilder()
        let images = builder.input("images", shape: TensorShape([batch] + model.input.dimensions))
        let traced = try model.trace(images, on: builder, phase: .inference, precision: precision)
        builder.fetch(traced.output, as: "logits")
        for tap in traced.taps where isTapped(builder.graph[tap.tensor.id].op) {
            try builder.fetch(ActivationStatistic.allCases, of: tap)
        }
        return builder.graph.orderedByResults()
    }

    private static func feeds(_ graph: Graph, classes: Int) -> [NDArray] {
        var random = Random(seed: 0, stream: "images")
        return graph.inputs.map { input in
            input.type == .i32
                ? NDArray(
                    (0..<input.shape.elementCount).map { _ in Int32(random.integer(below: classes)) },
                    shape: input.shape)
                : NDArray(
                    (0..<input.shape.elementCount).map { _ in Float(random.normal()) }, shape: input.shape)
        }
    }

    /// Seconds for so many steps.
    func run(_ steps: Int) throws -> Double {
        let start = ContinuousClock.now
        for _ in 0..<steps {
            try executable.run(feeds, step: count, on: store)
            count += 1
        }
        return (ContinuousClock.now - start) / .seconds(1)
    }
}
