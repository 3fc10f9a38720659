import RenormGraphs

/// An activation of a traced network that can be asked for: in full, or reduced to a few numbers in the graph.
public struct Tap {
    /// Where it is: one path for each activation, the same in every tracing of the network.
    ///
    /// What a layer gives has the layer's path. What a function gives that is called between layers has the path of the
    /// activation that it is called on and its own name, as in `bn1.relu`; if it joins several activations, the path of
    /// the layer that calls it, as in `layer1.0.add`. Where a path would come twice, the second ends in `_1`, and so on.
    public var path: String
    /// What it is there.
    public var role: Role
    /// Its values: `[N, H, W, C]` or `[N, C]`.
    public var tensor: Tensor
}

/// The activations of a traced network in the order in which they are computed, the images first.
///
///     let traced = try model.trace(images, on: builder, phase: .inference)
///     for tap in traced.taps where tap.role == .normalized { try builder.fetch([.moments], of: tap) }
///
/// What comes before a normalization can be asked for too, but then engines compute it as it is written: a convolution is
/// not folded with the normalization after it. What normalizations and functions after them give costs no folding.
public struct Taps: RandomAccessCollection {
    private var taps: [Tap] = []
    private var positions: [String: Int] = [:]

    /// The positions.
    public var indices: Range<Int> { taps.indices }
    /// The first position.
    public var startIndex: Int { taps.startIndex }
    /// The position after the last.
    public var endIndex: Int { taps.endIndex }
    /// The activation at a position.
    public subscript(position: Int) -> Tap { taps[position] }

    /// The activation at a path, which may also be that of a layer that contains others and gives what the last of them
    /// does.
    ///
    /// - Throws: `GraphError.unknown` if there is none.
    public func tap(at path: String) throws -> Tap {
        guard let position = positions[path] else {
            throw GraphError.unknown(what: "activation", name: path, known: taps.map(\.path))
        }
        return taps[position]
    }

    /// Finds the activations among the nodes that a tracing has made, and tells their nodes what they are.
    ///
    /// - Parameter nodes: What has been made between the beginning and the end of the tracing.
    init(_ records: [LayerRecord], images: Tensor, nodes: Range<Int>) {
        let builder = images.builder
        let graph = builder.graph
        // A layer may give what it is given. The innermost that has made a result comes first.
        let results = Dictionary(
            records.filter { $0.nodes.contains($0.node.index) }.map { ($0.node, $0.path) },
            uniquingKeysWith: { innermost, _ in innermost })
        let isInside = Set(records.lazy.filter { !$0.callsOthers }.flatMap(\.nodes))
        // For each activation, the path of what it is, or is made of.
        var origins: [NodeID: String] = [:]
        func add(_ id: NodeID, _ path: String, _ role: Role) {
            var (unique, count) = (path, 0)
            while positions[unique] != nil {
                count += 1
                unique = "\(path)_\(count)"
            }
            positions[unique] = taps.count
            origins[id] = unique
            taps.append(Tap(path: unique, role: role, tensor: builder.tensor(id)))
            builder.mark(taps.last!.tensor, as: role, path: unique)
        }
        if case .input(let name) = graph[images.id].op {
            add(images.id, name, .input)
        } else {
            add(images.id, "images", .input)
        }
        for index in nodes {
            let (id, node) = (NodeID(index), graph.nodes[index])
            if case .moments = node.op { continue }
            let sources = node.inputs.compactMap { origins[$0] }
            guard let first = sources.first else { continue }
            if let path = results[id] {
                add(id, path, graph.isNormalized(id) ? .normalized : .output)
            } else if isInside.contains(index) || node.op.isView {
                origins[id] = first
            } else {
                let place = Set(sources).count == 1 ? first : node.path
                let word = node.op.name.split(separator: " ").last.map(String.init) ?? ""
                add(id, place.isEmpty ? word : "\(place).\(word)", .output)
            }
        }
        // Layers that contain others, and those that give what they are given.
        let places = Dictionary(taps.enumerated().map { ($1.tensor.id, $0) }, uniquingKeysWith: { $1 })
        for record in records where positions[record.path] == nil {
            positions[record.path] = places[record.node]
        }
    }
}

extension Graph {
    /// Whether a node is what a normalization gives, under whatever shape.
    fileprivate func isNormalized(_ id: NodeID) -> Bool {
        let node = self[id]
        return node.role == .normalized || (node.op.isView && isNormalized(node.inputs[0]))
    }
}

extension Op {
    /// Whether the result is the first operand's values again.
    fileprivate var isView: Bool {
        switch self {
        case .reshape, .broadcast, .convert, .stopGradient, .barrier: true
        default: false
        }
    }
}
