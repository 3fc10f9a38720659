import RenormArrays
import RenormEngines
import RenormFormats
import RenormGraphs
import RenormLayers

#if canImport(Darwin)
    import Darwin
#else
    import Glibc
#endif

/// Predicts a stream of images batch by batch, and adapts a network to it on the way, by a method of `StreamMethods`.
///
///     let adapter = try StreamAdapter(model, source: source, engine: engine)
///     for batch in batches { let probabilities = try adapter.predict(batch) }
///
/// Batches may have any size, also 1, and change it. Of each batch the predictions are those that belong to it: what it says of the
/// stream is used for it at once. Images and labels of before are not kept. It belongs to one thread.
public final class StreamAdapter {
    /// The method.
    public let method: any StreamMethod
    private let network: Model
    private let parameters: [String]
    private let engine: any Engine
    private let store: any Store
    /// Everything that batches change, as it was at the source.
    private var beginning: Variables
    private var graphs: [Int: StreamGraphs] = [:]

    /// Takes a network into an engine's memory.
    ///
    /// - Parameters:
    ///   - model: A network with batch, batch-renorm or frozen normalization; other layers stay as they are.
    ///   - source: What source images say of it, for methods that need that (`StreamMethod.needsSource`).
    /// - Throws: `StreamError`; what converting the network and the engine throw.
    public init(
        _ model: Model, source: SourceStatistics? = nil, method: any StreamMethod = BayesianShift(),
        engine: any Engine
    ) throws {
        let streamed = try StreamedNetwork(model)
        let (network, fixed, state) = try streamed.under(method, source: source)
        self.method = method
        self.network = network
        self.engine = engine
        parameters = streamed.records.flatMap { record in
            ["weight", "bias"].map { "\(record.path).\($0)" }.filter { streamed.model.variables[$0] != nil }
        }
        beginning = state
        if method.learning != nil {
            for path in parameters { beginning[path] = streamed.model.variables[path] }
        }
        store = try engine.makeStore(streamed.model.variables.merging(fixed).merging(state))
    }

    /// The probabilities of each class, a row for each image, and the step of adaptation that the batch gives.
    ///
    /// - Parameter images: `f32` `[N, H, W, C]` as the network takes them (`Preparation.scaling`), N at least 1.
    /// - Throws: `StreamError.images`; `.notFinite`, and then nothing has changed; what the engine throws.
    public func predict(_ images: NDArray) throws -> [[Double]] {
        let count = images.shape.rank > 0 ? images.shape[0] : 0
        guard count > 0, images.shape == TensorShape([count] + network.input.dimensions) else {
            throw StreamError.images(
                found: images.shape, expected: TensorShape([max(count, 1)] + network.input.dimensions))
        }
        let graphs = try graphs(batch: count)
        graphs.forward.feed("images", images)
        // A batch changes everything or nothing: the second part of a step begins only where the first has ended well.
        if let path = try graphs.forward.firstNotFinite(on: store) {
            throw StreamError.notFinite(what: "A batch of the stream", path: path)
        }
        let logits = try graphs.forward.result("logits").rowsOfDoubles
        if let second = graphs.second, case .sharpnessAware(_, _, _, let reset)? = method.learning {
            second.feed("images", images)
            second.feed("reliable", try graphs.forward.result("reliable"))
            if let path = try second.firstNotFinite(on: store) {
                try restoreKept()
                throw StreamError.notFinite(what: "A batch of the stream", path: path)
            }
            let entropy = try second.number("entropy")
            if entropy > 0, entropy < reset { try self.reset() }
        }
        let features =
            method is LaplacianAdjustment ? try graphs.forward.result("features").rowsOfDoubles : []
        return method.probabilities(logits: logits, features: features) ?? logits.map(softmax)
    }

    /// Forgets the stream: everything is as it was at the source.
    public func reset() throws { try store.write(beginning) }

    // MARK: State

    /// What the stream has left: to go on with it later, to the same bits.
    public var state: NamedArrays {
        get throws {
            var result = NamedArrays(metadata: [StreamAdapter.key: method.description])
            for (path, _) in beginning { result.arrays[path] = try store.read(path) }
            return result
        }
    }

    /// Goes on where `state` was taken.
    ///
    /// - Throws: `StreamError.malformed` for the state of another method or network; then nothing is changed.
    public func restore(_ state: NamedArrays) throws {
        func malformed(_ found: String, _ expected: String) -> StreamError {
            .malformed(what: "The state of a stream", found: found, expected: expected)
        }
        guard let saved = state.metadata[StreamAdapter.key] else {
            throw malformed("no state", "a saved one")
        }
        guard saved == method.description else {
            throw malformed("that of the method '\(saved)'", "that of '\(method.description)'")
        }
        var known = beginning
        // What is learned has variables that the first batch makes; a restored stream may not have had one.
        for made in try compile(batch: 1).changed where known[made.path] == nil {
            known[made.path] = made.variable
        }
        var values = known
        for (path, variable) in known {
            guard let array = state.arrays[path] else {
                // A state from before the first batch has no memory of gradients.
                if beginning[path] == nil || variable.kind == .slot { continue }
                throw malformed("nothing at '\(path)'", "\(variable.value.shape)")
            }
            guard array.shape == variable.value.shape, array.type == variable.value.type, array.isFinite
            else {
                throw malformed(
                    "\(array.type)\(array.shape) at '\(path)', or not finite",
                    "finite f32\(variable.value.shape)")
            }
            values[path]?.value = array
        }
        if let extra = state.arrays.keys.first(where: { known[$0] == nil }) {
            throw malformed("'\(extra)'", "the variables of this network and method alone")
        }
        beginning = known
        try store.write(values)
    }

    private static let key = "renorm.stream"

    private func restoreKept() throws {
        var values = Variables()
        for path in parameters {
            values[path] = Variable(kind: .parameter, value: try store.read("stream.kept.\(path)"))
        }
        try store.write(values)
    }

    // MARK: Graphs

    private func graphs(batch: Int) throws -> StreamGraphs {
        if let known = graphs[batch] { return known }
        let made = try compile(batch: batch)
        var new = Variables()
        for (path, variable) in made.changed where beginning[path] == nil { new[path] = variable }
        if !new.isEmpty { try store.write(new) }
        beginning = beginning.merging(new)
        graphs[batch] = made
        return made
    }

    private func compile(batch: Int) throws -> StreamGraphs {
        var changed = Variables()
        func runner(_ learn: (inout LearningTrace) throws -> Void, updates: Bool = true) throws -> GraphRunner
        {
            let builder = GraphBuilder()
            let images = builder.input("images", shape: TensorShape([batch] + network.input.dimensions))
            var phase = StreamedNetwork.phase
            phase.updatesStatistics = updates
            let output = try network.trace(images, on: builder, phase: phase).output.converted(to: .f32)
            builder.fetch(output, as: "logits")
            builder.guardFinite(output, path: "logits")
            builder.fetch(builder.inputOfLastLayer(output), as: "features")
            var trace = LearningTrace(builder, logits: output, parameters: parameters)
            try learn(&trace)
            changed = changed.merging(trace.made)
            return try GraphRunner(builder.graph.pruned().orderedByResults(), on: engine)
        }
        let classes = try network.outputShape()[-1]
        switch method.learning {
        case nil: return StreamGraphs(forward: try runner { _ in }, second: nil, changed: changed)
        case .entropy(let rate):
            let forward = try runner { try $0.stepDown(rate: rate) }
            return StreamGraphs(forward: forward, second: nil, changed: changed)
        case .sharpnessAware(let rate, let margin, let radius, _):
            let limit = margin * Double(classes).naturalLog
            let forward = try runner { try $0.stepAway(margin: limit, radius: radius) }
            let second = try runner { try $0.stepBack(rate: rate, margin: limit) }
            return StreamGraphs(forward: forward, second: second, changed: changed)
        }
    }
}

extension GraphBuilder {
    /// What the last matrix product before a tensor is given `[N, F]`; the tensor itself where there is none.
    fileprivate func inputOfLastLayer(_ output: Tensor) -> Tensor {
        var pending = [output.id]
        while let id = pending.popLast() {
            let node = graph[id]
            switch node.op {
            case .matmul:
                let input = tensor(node.inputs[0])
                return input.shape.rank == 2 && input.shape[0] == output.shape[0] ? input : output
            case .binary(.add), .convert, .reshape: pending += node.inputs.reversed()
            default: continue
            }
        }
        return output
    }
}

extension NDArray {
    /// The rows of a matrix.
    fileprivate var rowsOfDoubles: [[Double]] {
        let (values, width) = (doubles, shape[-1])
        return (0..<shape[0]).map { Array(values[$0 * width..<($0 + 1) * width]) }
    }
}
