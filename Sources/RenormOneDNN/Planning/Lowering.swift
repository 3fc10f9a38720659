import COneDNN
import RenormArrays
import RenormGraphs
import RenormKernels

/// Turns a graph into units with operands: which passes there are and what each reads and writes, but neither their
/// order nor where their memory lies.
final class Lowering {
    let prepared: PreparedGraph
    let library: OneDNNLibrary
    let options: PlanningOptions
    let layouts: WeightLayouts
    let fusion: AffineFusion
    let convolutions: ConvolutionFusion
    let joined: DepthwiseFusion
    let clusters: Clusters

    private(set) var buffers: [Buffer] = []
    private(set) var units: [PlannedUnit] = []
    /// Numbers to be set before each run.
    private(set) var scalars: [Scalar] = []
    /// Where each fetched node lies, in order.
    private(set) var fetches: [Operand] = []
    /// Where each guard lies, and how many elements it has.
    private(set) var guards: [(path: String, operand: Operand, count: Int)] = []
    /// For each update, the variable's position, and where the new value lies.
    private(set) var updates: [(variable: Int, operand: Operand)] = []
    /// The buffer that stands for each variable that the graph reads.
    private(set) var variableBuffers: [Int: Int] = [:]

    /// By its node, which of the graph's convolutions and gradients of some it is.
    private let convolutionNumbers: [Int: Int]
    private var places: [Int: Operand] = [:]
    private var repacked: [(node: Int, layout: MemoryDescriptor, operand: Operand)] = []
    private var unpacked: [Int: Operand] = [:]
    private var workspaces: [PoolingKey: Operand] = [:]

    struct PoolingKey: Hashable {
        var x: Int
        var options: PoolingOptions
    }

    /// A number that is set before each run.
    enum Scalar: Hashable {
        case schedule(String)
        case step
    }

    init(
        _ prepared: PreparedGraph, library: OneDNNLibrary, options: PlanningOptions, layouts: WeightLayouts
    ) throws {
        self.prepared = prepared
        let all = prepared.graph.nodes.indices.filter {
            ConvolutionGeometry(prepared.node($0), in: prepared.graph) != nil
        }
        convolutionNumbers = Dictionary(uniqueKeysWithValues: zip(all, 0...))
        self.library = library
        self.options = options
        self.layouts = layouts
        fusion = AffineFusion(prepared, isEnabled: options.isFused)
        convolutions = ConvolutionFusion(prepared, claimed: fusion.claimed, isEnabled: options.isFused)
        joined = DepthwiseFusion(
            prepared, convolutions, claimed: fusion.claimed, library, options)
        clusters = Clusters(
            prepared, claimed: fusion.claimed.union(convolutions.claimed), isEnabled: options.isFused)
        try lowerNodes()
        try lowerResults()
    }

    /// How many threads share the work.
    var threads: Int { options.threads }

    // MARK: Building blocks

    /// New memory.
    func buffer(_ byteCount: Int, home: Buffer.Home = .arena) -> Operand {
        buffers.append(Buffer(byteCount: byteCount, home: home))
        return Operand(buffer: buffers.count - 1)
    }

    /// Adds a unit.
    func add(_ unit: PlannedUnit) { units.append(unit) }

    /// The convolution, or gradient of one, that a unit is a part of: computes it, alone or with what follows, or copies a
    /// weight for it. `number` counts those of the graph, `operation` is what it is.
    func convolution(of unit: PlannedUnit) -> (number: Int, operation: String)? {
        guard unit.key >= 0 else { return nil }
        let node = convolutions.forward[unit.key]?.convolution ?? unit.key
        return convolutionNumbers[node].map { ($0, prepared.node(node).op.name) }
    }

    /// Where the values of a node lie, all of them: a stretched or constant one is written out.
    func operand(_ node: Int) throws -> Operand {
        if let place = places[node] { return place }
        let place: Operand
        if let value = prepared.uniform[node] {
            place = fill(value, prepared.node(node))
        } else if case .broadcast = prepared.node(node).op {
            place = try writtenOutBroadcast(node)
        } else if let window = prepared.windows[node] {
            place = try self.window(window, type: prepared.node(node).type)
        } else {
            let node = prepared.node(node)
            place = buffer(node.shape.elementCount * node.type.byteCount)
        }
        places[node] = place
        return place
    }

    /// Where the values of a node lie for an elementwise reader, in whose layout they are read: if that is plain and
    /// theirs is not, in a plain copy.
    func operand(_ node: Int, asFor reader: Int) throws -> Operand {
        guard let layout = layouts.nodes[node], layouts.nodes[reader] == nil else { return try operand(node) }
        if let known = unpacked[node] { return known }
        let plain = try layout.plain()
        let place = buffer(plain.byteCount)
        try addReorder(key: reader, from: try operand(node), layout, to: place, plain)
        unpacked[node] = place
        return place
    }

    /// Says where a source's values lie.
    func place(_ node: Int, at operand: Operand) { places[node] = operand }

    private func window(_ window: (base: Int, offset: Int), type: ElementType) throws -> Operand {
        var place = try operand(window.base)
        place.byteOffset += window.offset * type.byteCount
        return place
    }

    private func fill(_ value: Float, _ node: Node) -> Operand {
        let (count, type) = (node.shape.elementCount, node.type.kernel)
        let place = buffer(node.type.byteCount * count)
        add(
            PlannedUnit(key: -1, reads: [], writes: [place]) { _ in FillUnit(value, count: count, type: type)
            })
        return place
    }

    /// A weight in the layout that a primitive wants: where it lies if that is its layout, else a copy, made once for
    /// all that want the same, and in training just before the first of them, so that it comes from the cache.
    func weight(
        _ node: Int, in wanted: MemoryDescriptor, _ geometry: ConvolutionGeometry, for reader: Int
    ) throws -> Operand {
        let held = try layouts.nodes[node] ?? geometry.plainWeight(library)
        if held == wanted { return try operand(node) }
        if let known = repacked.first(where: { $0.node == node && $0.layout == wanted }) {
            return known.operand
        }
        let place = buffer(wanted.byteCount)
        try addReorder(key: reader, from: try operand(node), held, to: place, wanted)
        repacked.append((node, wanted, place))
        return place
    }

    /// Adds a change of layout.
    func addReorder(
        key: Int, from source: Operand, _ sourceLayout: MemoryDescriptor, to target: Operand,
        _ targetLayout: MemoryDescriptor
    ) throws {
        let primitive = try Primitive(reorder: library, from: sourceLayout, to: targetLayout)
        add(
            PlannedUnit(
                key: key, reads: [source], writes: [target], scratchByteCount: primitive.scratchByteCount
            ) { _ in
                try PrimitiveUnit(
                    "reorder", primitive, inputs: [(Int(onednn_argument_source), sourceLayout)],
                    outputs: [(Int(onednn_argument_destination), targetLayout)])
            })
    }

    /// The workspace of the pooling whose gradient is wanted.
    func workspace(_ key: PoolingKey, byteCount: Int) -> Operand {
        if let known = workspaces[key] { return known }
        let place = buffer(byteCount)
        workspaces[key] = place
        return place
    }

    /// A number that is set before each run.
    private func scalar(_ scalar: Scalar) -> Operand {
        scalars.append(scalar)
        return buffer(4, home: .scalar(scalars.count - 1))
    }

    // MARK: Nodes

    private func lowerNodes() throws {
        var inputCount = 0
        for (index, node) in prepared.graph.nodes.enumerated() {
            if case .input = node.op {
                place(
                    index,
                    at: buffer(
                        node.shape.elementCount * node.type.byteCount, home: .input(inputCount)))
                inputCount += 1
            }
            guard prepared.base[index] == index, prepared.uniform[index] == nil,
                prepared.windows[index] == nil
            else { continue }
            if let fused = fusion.forward[index] {
                try lowerAffine(index, fused)
            } else if let fused = fusion.backward[index] {
                try lowerBackward(fused)
            } else if let cluster = clusters.owner[index] {
                if clusters.all[cluster].members.last == index { try lower(clusters.all[cluster]) }
            } else if let pair = joined.all[index] {
                try lowerJoined(pair)
            } else if let fused = convolutions.forward[index], !joined.claimed.contains(index) {
                try lowerForward(fused)
            } else if !fusion.claimed.contains(index), !convolutions.claimed.contains(index),
                !joined.claimed.contains(index)
            {
                try lower(index, node)
            }
        }
    }

    private func lower(_ index: Int, _ node: Node) throws {
        switch node.op {
        case .input, .constant, .broadcast, .stopGradient, .barrier, .reshape:
            break
        case .variable(let path):
            let position = prepared.graph.variables.index(forKey: path)!
            let place = buffer(4 * node.shape.elementCount, home: .variable(position))
            variableBuffers[position] = place.buffer
            self.place(index, at: place)
        case .schedule(let name):
            place(index, at: scalar(.schedule(name)))
        case .step:
            place(index, at: scalar(.step))
        case .random, .reduce, .softmaxCrossEntropy, .softmaxCrossEntropyGradient, .rightAnswers, .matmul:
            try lowerSimple(index, node)
        case .convert, .transpose, .slice, .pad, .concatenate:
            try lowerCopy(index, node)
        case .convolution, .convolutionInputGradient, .convolutionWeightGradient:
            try lowerConvolution(index, ConvolutionGeometry(node, in: prepared.graph)!)
        case .maxPool, .maxPoolGradient, .averagePool, .averagePoolGradient:
            try lowerPooling(index, node)
        case .moments, .filteredMoments, .affineSums, .affineGradient:
            try lowerNormalization(index, node)
        case .unary, .binary, .compare, .select, .activation, .activationGradient, .affine:
            preconditionFailure("\(node.op.name) belongs to a pass of its own")
        }
    }

    // MARK: Results

    private func lowerResults() throws {
        let graph = prepared.graph
        for fetch in graph.fetches {
            let node = prepared.base[fetch.node.index]
            var place = try operand(node)
            if let layout = layouts.nodes[node] {
                let plain = try layout.plain()
                let source = place
                place = buffer(plain.byteCount)
                try addReorder(key: node, from: source, layout, to: place, plain)
            }
            fetches.append(place)
        }
        for each in graph.guards {
            let node = prepared.base[each.node.index]
            guards.append((each.path, try operand(node), graph[each.node].shape.elementCount))
        }
        for update in graph.updates {
            let position = graph.variables.index(forKey: update.path)!
            let node = prepared.base[update.node.index]
            updates.append((position, keeping(try operand(node), node)))
        }
    }

    /// Where a new value lies while variables are written: a variable's old value must be copied before.
    private func keeping(_ operand: Operand, _ node: Int) -> Operand {
        guard case .variable = buffers[operand.buffer].home else { return operand }
        let count = prepared.node(node).shape.elementCount
        let copy = buffer(4 * count)
        add(
            PlannedUnit(key: node, reads: [operand], writes: [copy]) { _ in
                CopyUnit(
                    [CopyPiece(sizes: [count], sourceStrides: [1], targetStrides: [1])], kind: .words,
                    sourceBytes: 4, targetBytes: 4)
            })
        return copy
    }
}
