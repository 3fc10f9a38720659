import OrderedCollections
import RenormArrays
import RenormFormats
import RenormLayers

/// Translates a file's graph into layers by name, node by node.
///
/// Images are `[N, H, W, C]` here and mostly `[N, C, H, W]` there. An `AxisView` says where the axes of a value are in what our
/// layer gives, so that reshapes and transposes are layers only where something is left of them.
struct GraphImporter {
    /// The size of a batch, as a number that no other extent has: what is computed of shapes shows it as a factor.
    static let batch = 1_000_003

    /// What a layer gives.
    struct Activation {
        /// The name of the layer.
        var layer: String
        /// Where the axes are in its result.
        var view: AxisView
        /// Zeros at the top, bottom, left and right that nobody has added yet.
        var padding: [Int]?
        /// Whether a softmax was left out.
        var isSoftmax = false
        /// Whether nothing trained has come before.
        var isInput = false
    }

    /// What a name of the graph stands for.
    enum Value {
        case constant(NDArray)
        case activation(Activation)
        /// What a node makes that is not supported.
        case unknown
    }

    /// Why a node has no layer.
    struct Unsupported: Error {
        var reason: String
        init(_ reason: String) { self.reason = reason }
    }

    let model: ONNXModel
    let graph: ImportedGraph
    let image: TensorShape
    /// The number that stands for the batch in the file's own constants.
    let fixedBatch: Int?
    var values: [String: Value] = [:]
    var list = LayerList()
    var folding: FoldingBudget
    var remarks: [String] = []
    /// The values ε of normalizations, by the layers' names.
    var epsilons: OrderedDictionary<String, Double> = [:]

    init(_ model: ONNXModel, image: TensorShape?) throws {
        self.model = model
        graph = try ImportedGraph(model.graph)
        folding = FoldingBudget(
            values: model.graph.initializers.values.reduce(0) { $0.saturatingSum($1.elementCount) })
        let input = try ImageInput(graph.input, image: image)
        (self.image, fixedBatch) = (input.image, input.batch)
        let extents = [Extent.batch] + input.image.dimensions.map { Extent($0) }
        var view = AxisView(extents)
        if input.channelsFirst { view = view.transposed([0, 3, 1, 2]) }
        for (name, array) in model.graph.initializers { values[name] = .constant(array) }
        values[graph.input.name] = .activation(Activation(layer: "input", view: view, isInput: true))
    }

    /// The network.
    mutating func imported() throws -> ImportedNetwork {
        var missing: [String] = []
        if model.opset < 7, model.graph.nodes.contains(where: \.domain.isEmpty) {
            missing.append("operators of version \(model.opset), where 7 or later are read")
        }
        for node in graph.nodes {
            do {
                try translate(node)
            } catch let error as Unsupported {
                if missing.count < 10_000 { missing.append("\(node.place) (\(error.reason))") }
                for name in node.outputs { values[name] = .unknown }
            } catch is Skipped {
                for name in node.outputs { values[name] = .unknown }
            }
        }
        guard missing.isEmpty else { throw ExchangeError.unsupported(missing) }
        let classes = try finish()
        var weights = list.weights
        for (name, array) in weights where name.hasSuffix(".running_mean") {
            let path = name.dropLast("running_mean".count) + "num_batches_tracked"
            if weights["\(path)"] == nil, array.shape.rank == 1 {
                weights["\(path)"] = NDArray(scalar: Int64(1))
            }
        }
        let normalization = commonNormalization()
        return ImportedNetwork(
            description: NetworkDescription(
                list.simplified(), image: image, normalization: normalization),
            weights: weights, image: image, classes: classes, remarks: remarks)
    }

    /// The number of classes.
    private mutating func finish() throws -> Int {
        guard case .activation(var result)? = values[graph.output.name] else {
            throw ExchangeError.noClassifier(
                found: "an output that does not depend on the images", remedy: "Export it again.")
        }
        let extents = result.view.extents
        guard extents.count >= 2, extents[0] == .batch, extents[2...].allSatisfy({ $0 == .one }),
            !extents[1].growsWithBatch
        else {
            throw ExchangeError.noClassifier(
                found: "an output of shape ["
                    + extents.map { $0.growsWithBatch ? "N" : "\($0.factor)" }
                    .joined(separator: ", ") + "]",
                remedy: "Cut it off after the classifier.")
        }
        if result.isSoftmax {
            remarks.append("The Softmax at its end is left out: networks give logits here.")
            result.isSoftmax = false
        }
        result.view.logical = Array(result.view.logical[..<2])
        do {
            result = try arranged(result, [0, 1], name: "output")
        } catch let error as Unsupported {
            throw ExchangeError.noClassifier(
                found: "an output that cannot be read: \(error.reason)", remedy: "Export it again.")
        }
        let classes = extents[1].factor
        // What the last layer is called may differ where only the axes do.
        if let last = list.layer(result.layer), last.kind == "dense" {
            list.set("units", "classes", of: result.layer)
        }
        guard let last = list.layers.last else {
            throw ExchangeError.noClassifier(found: "no layers", remedy: "Export it again.")
        }
        if last.name != result.layer {
            _ = list.add("linear", [:], [result.layer], name: "output")
        }
        return classes
    }

    /// Normalizations of the most frequent ε need not say it.
    private mutating func commonNormalization() -> Normalization? {
        let counts = Dictionary(epsilons.values.map { ($0, 1) }, uniquingKeysWith: +)
        guard let common = counts.max(by: { ($0.value, $1.key) < ($1.value, $0.key) })?.key else {
            return nil
        }
        for (name, epsilon) in epsilons where epsilon != common {
            list.set("epsilon", .number(epsilon), of: name)
        }
        return Normalization(.batch, epsilon: common)
    }

    // MARK: Operands

    /// The input of a node at a place; `nil` where it is left out.
    func value(_ node: ONNXNode, _ place: Int) -> Value? {
        guard place < node.inputs.count, !node.inputs[place].isEmpty else { return nil }
        return values[node.inputs[place]]
    }

    /// An input that a layer has given.
    func activation(_ node: ONNXNode, _ place: Int = 0, softmax: Bool = false) throws -> Activation {
        switch value(node, place) {
        case .activation(let activation):
            guard softmax || !activation.isSoftmax else { throw Unsupported("what a Softmax gives goes on") }
            return activation
        case .constant: throw Unsupported("its input \(place) is a constant")
        case .unknown: throw Skipped()
        case nil: throw ExchangeError.malformed(place: node.place, reason: "input \(place) is missing")
        }
    }

    /// An input that is a constant; `nil` where it is left out.
    func constant(_ node: ONNXNode, _ place: Int) throws -> NDArray? {
        switch value(node, place) {
        case .constant(let array): return array
        case .activation: throw Unsupported("its input \(place) depends on the images")
        case .unknown: throw Skipped()
        case nil: return nil
        }
    }

    /// A constant that has to be there.
    func requiredConstant(_ node: ONNXNode, _ place: Int) throws -> NDArray {
        guard let array = try constant(node, place) else {
            throw ExchangeError.malformed(place: node.place, reason: "input \(place) is missing")
        }
        return array
    }

    /// A constant row of whole numbers, or an option of older versions of the operator.
    func integers(_ node: ONNXNode, _ place: Int, or option: String) throws -> [Int]? {
        if let array = try constant(node, place) { return array.integers }
        return node.integers(option)
    }

    /// What a node reads that was not supported: it is the other's fault.
    struct Skipped: Error {}

    mutating func set(_ node: ONNXNode, _ activation: Activation) {
        values[node.outputs[0]] = .activation(activation)
    }

    // MARK: Axes

    /// What a layer gives with its axes as those of the value, in an order: by layers where it lies otherwise.
    mutating func arranged(_ x: Activation, _ order: [Int], name: String) throws -> Activation {
        let target = order.map { x.view.logical[$0] }
        if x.view.physical == target, x.padding == nil { return x }
        var result = try padded(x, name: name)
        guard let batch = target.first, batch == result.view.physical.first, batch.count == 1 else {
            throw Unsupported("the batch is not its first axis")
        }
        if let known = wellKnown(result.view.physical, target) {
            result.layer = list.add(known.kind, known.options, [result.layer], name: "\(name).\(known.kind)")
        } else {
            let rest = AxisView(
                physical: Array(result.view.physical.dropFirst()), logical: Array(target.dropFirst()))
            let steps = rest.steps(order: Array(0..<rest.logical.count))
            func shape(_ extents: [Extent]) throws -> DescribedValue {
                guard !extents.contains(where: \.growsWithBatch), (1...8).contains(extents.count) else {
                    throw Unsupported("its axes cannot be brought into order")
                }
                return .list(extents.map { .number(Double($0.factor)) })
            }
            if let cut = steps.cut {
                result.layer = list.add("reshape", try shape(cut), [result.layer], name: "\(name).reshape")
            }
            if let permutation = steps.permutation {
                result.layer = list.add(
                    "transpose", .list(permutation.map { .number(Double($0 + 1)) }), [result.layer],
                    name: "\(name).transpose")
            }
            if let joined = steps.joined {
                result.layer = list.add("reshape", try shape(joined), [result.layer], name: "\(name).reshape")
            }
        }
        result.view.physical = target
        return result
    }

    /// The layer that brings images into another order, where it has a name.
    private func wellKnown(_ from: [[Atom]], _ to: [[Atom]]) -> (kind: String, options: DescribedValue)? {
        guard from.count == 4 else { return nil }
        if to.count == 2 {
            if to[1] == from[3] + from[1] + from[2] { return ("flatten", .none) }
            return to[1] == from[1] + from[2] + from[3] ? ("flatten", ["channels-first": false]) : nil
        }
        let (mixed, dealt) = (from[3], to.last ?? [])
        guard to.count == 4, to[..<3] == from[..<3], mixed.count == 2, dealt == mixed.reversed() else {
            return nil
        }
        return ("channel-shuffle", ["groups": .number(Double(mixed[0].extent.factor))])
    }

    /// The value with the zeros around it that were left to whoever reads it.
    mutating func padded(_ x: Activation, name: String) throws -> Activation {
        guard let padding = x.padding else { return x }
        var result = x
        result.padding = nil
        // The view has the extents with the zeros: only their place in our array is asked.
        result.layer = list.add(
            "zero-pad", .list(padding.map { .number(Double($0)) }), [x.layer], name: "\(name).pad")
        return result
    }

    /// Images in our order.
    mutating func images(_ x: Activation, _ name: String) throws -> Activation {
        guard x.view.logical.count == 4 else {
            throw Unsupported("its input has \(x.view.logical.count) axes, where images have 4")
        }
        return try arranged(x, [0, 2, 3, 1], name: name)
    }

    /// A value that is an array of ours as it is, whose axes are seen in an order: `order[i]` is where axis i of ours is seen.
    func activation(_ layer: String, _ extents: [Extent], seen order: [Int]) throws -> Activation {
        var count = 1
        for extent in extents {
            let (product, overflow) = count.multipliedReportingOverflow(by: max(extent.factor, 0))
            guard extent.factor > 0, !overflow, product <= TensorShape.largestElementCount else {
                throw Unsupported("its result would have the extents \(extents.map(\.factor))")
            }
            count = product
        }
        let view = AxisView(extents)
        var logical = [[Atom]](repeating: [], count: extents.count)
        for (axis, place) in order.enumerated() { logical[place] = view.physical[axis] }
        return Activation(layer: layer, view: AxisView(physical: view.physical, logical: logical))
    }
}
