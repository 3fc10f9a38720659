import COneDNN
import RenormGraphs

/// Which layouts the weights of convolutions, their gradients and everything that is computed from them element by
/// element have in memory.
///
/// Optimizers are elementwise, so a weight, its gradient and its slots can stay in whatever order the gradient's
/// primitive writes, as long as they share it and it has no padding. What needs the order of the axes (a reshape, a
/// transpose, a sum over some of the axes) makes all of them plain.
struct WeightLayouts {
    /// For nodes in a packed layout, that layout. All others are plain.
    private(set) var nodes: [Int: MemoryDescriptor] = [:]
    /// For variables in a packed layout, that layout. All others are plain.
    private(set) var variables: [String: MemoryDescriptor] = [:]
    /// Variables that must not be packed because this graph needs the order of their axes.
    private(set) var plain: Set<String> = []

    private let prepared: PreparedGraph
    private let options: PlanningOptions
    private var parents: [Int]
    private var needsOrder: Set<Int> = []

    /// Chooses layouts; variables that already are packed in a store, or must stay plain there (nil), keep that.
    init(
        _ prepared: PreparedGraph, library: OneDNNLibrary, options: PlanningOptions,
        found: [String: MemoryDescriptor?]
    ) throws {
        self.prepared = prepared
        self.options = options
        let graph = prepared.graph
        parents = Array(0..<(graph.nodes.count + graph.variables.count))
        joinClasses()
        try assign(library, found)
    }

    private func entity(_ path: String) -> Int? {
        prepared.graph.variables.index(forKey: path).map { prepared.graph.nodes.count + $0 }
    }

    private mutating func joinClasses() {
        let graph = prepared.graph
        for index in graph.nodes.indices {
            let node = graph.nodes[index]
            if case .variable(let path) = node.op, let variable = entity(path) { join(index, variable) }
            guard prepared.base[index] == index else {
                // A view under another shape has lost the order of the axes.
                if node.shape != graph.nodes[prepared.base[index]].shape {
                    needsOrder.insert(prepared.base[index])
                }
                continue
            }
            let isStretching = prepared.inputs(index).contains { stretches($0) }
            for (position, input) in prepared.inputs(index).enumerated() where prepared.uniform[input] == nil
            {
                if node.op.keepsPlaces {
                    let source = graph.nodes[input]
                    if case .broadcast = source.op {
                        if stretches(input) { needsOrder.insert(index) }
                    } else if isStretching, case .variable = source.op {
                        // It is read from a plain copy, so that one such reader does not unpack it for all.
                        continue
                    } else {
                        join(index, input)
                    }
                } else if !node.readsInAnyOrder(position) {
                    needsOrder.insert(input)
                }
            }
            if !node.op.keepsPlaces, !node.writesInAnyOrder { needsOrder.insert(index) }
        }
        for update in graph.updates {
            if let variable = entity(update.path) { join(prepared.base[update.node.index], variable) }
        }
    }

    /// Whether a node repeats more than a single number.
    private func stretches(_ index: Int) -> Bool {
        let node = prepared.node(index)
        guard case .broadcast = node.op, prepared.uniform[index] == nil else { return false }
        return prepared.graph[node.inputs[0]].shape.elementCount != 1
    }

    private mutating func assign(_ library: OneDNNLibrary, _ found: [String: MemoryDescriptor?]) throws {
        let graph = prepared.graph
        let poisoned = Set(needsOrder.map { root($0) })
        var chosen: [Int: MemoryDescriptor?] = [:]
        var groups: [Int: Int] = [:]
        var mixed: Set<Int> = []
        // What convolutions want.
        for (index, node) in graph.nodes.enumerated() {
            guard prepared.base[index] == index, let geometry = ConvolutionGeometry(node, in: graph) else {
                continue
            }
            let isGradient = if case .convolutionWeightGradient = node.op { true } else { false }
            let weight = root(isGradient ? index : prepared.input(index, 1))
            if groups[weight, default: geometry.options.groups] != geometry.options.groups {
                mixed.insert(weight)
            }
            groups[weight] = geometry.options.groups
            guard isGradient, chosen[weight] == nil, !poisoned.contains(weight) else { continue }
            let layout = try geometry.weightGradientLayout(library, options)
            let hasPadding = layout.byteCount != 4 * geometry.weight.elementCount
            let isPlain = try layout == geometry.plainWeight(library)
            chosen[weight] = .some(hasPadding || isPlain ? nil : layout)
        }
        // What the store holds goes before, and above all what must stay plain there.
        for isPlain in [false, true] {
            for path in graph.variables.keys {
                guard let layout = found[path], (layout == nil) == isPlain, let variable = entity(path) else {
                    continue
                }
                // A graph without convolutions, such as an optimizer alone, takes packed variables as they are.
                if groups[root(variable)] != nil || layout != nil { chosen[root(variable)] = .some(layout) }
            }
        }
        let weights = Set(groups.keys).union(chosen.keys)
        for weight in weights where poisoned.contains(weight) || mixed.contains(weight) {
            chosen[weight] = .some(nil)
        }
        for index in graph.nodes.indices {
            if let layout = chosen[root(index)], let layout { nodes[index] = layout }
        }
        for (position, path) in graph.variables.keys.enumerated() {
            let weight = root(graph.nodes.count + position)
            guard weights.contains(weight) else { continue }
            if let layout = chosen[weight], let layout {
                variables[path] = layout
            } else if poisoned.contains(weight) || mixed.contains(weight) {
                plain.insert(path)
            }
        }
    }

    private mutating func join(_ a: Int, _ b: Int) {
        let (first, second) = (root(a), root(b))
        parents[max(first, second)] = min(first, second)
    }

    private func root(_ index: Int) -> Int {
        var index = index
        while parents[index] != index { index = parents[index] }
        return index
    }
}

extension Op {
    /// Whether each value is made of those at its place alone, by one pass over memory: an elementwise operation, or a change of type.
    fileprivate var keepsPlaces: Bool {
        if case .convert = self { true } else { isElementwise }
    }

    /// Whether the value at each place depends on the operands' values at that place alone.
    var isElementwise: Bool {
        switch self {
        case .unary, .binary, .compare, .select, .activation, .activationGradient: true
        default: false
        }
    }
}

extension Node {
    /// Whether an operand's elements may come in any order that all share.
    fileprivate func readsInAnyOrder(_ position: Int) -> Bool {
        switch op {
        case .convolution, .convolutionInputGradient: position == 1
        case .reduce(let reduction, _): shape.elementCount == 1 && reduction != .squaredDifferences
        default: false
        }
    }

    /// Whether the result may come in a packed layout.
    fileprivate var writesInAnyOrder: Bool {
        switch op {
        case .variable, .convolutionWeightGradient: true
        default: false
        }
    }
}
