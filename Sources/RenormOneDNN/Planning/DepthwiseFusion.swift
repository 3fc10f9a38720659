import COneDNN
import RenormGraphs

/// A 1×1 convolution and the depthwise one that alone reads it, computed row by row in one pass, so that what lies between is
/// never stored whole.
struct JoinedConvolutions {
    var first: FusedConvolution
    var second: FusedConvolution
    /// oneDNN's computation of both.
    var primitive: Primitive
}

/// Finds such pairs, in inference: in training the backward part reads what lies between.
struct DepthwiseFusion {
    /// By the node that the pass computes.
    private(set) var all: [Int: JoinedConvolutions] = [:]
    /// Nodes that are computed as part of another.
    private(set) var claimed: Set<Int> = []

    /// - Parameters:
    ///   - convolutions: With what else each of them computes.
    ///   - others: What other passes compute.
    init(
        _ prepared: PreparedGraph, _ convolutions: ConvolutionFusion, claimed others: Set<Int>,
        _ library: OneDNNLibrary, _ options: PlanningOptions
    ) {
        guard options.isFused, options.convolution != .direct else { return }
        for first in convolutions.forward.values.sorted(by: { $0.convolution < $1.convolution }) {
            guard first.residual == nil, let next = prepared.onlyUse(first.nodes.last!),
                case .convolution = prepared.node(next).op, prepared.input(next, 0) == first.nodes.last!,
                !others.contains(next)
            else { continue }
            let known = convolutions.forward.values.first { $0.convolution == next }
            let second = known ?? FusedConvolution(convolution: next, nodes: [next])
            guard second.residual == nil,
                let primitive = Self.primitive(prepared, first, second, library, options)
            else { continue }
            all[second.nodes.last!] = JoinedConvolutions(first: first, second: second, primitive: primitive)
            claimed.formUnion(first.nodes + second.nodes)
        }
    }

    /// oneDNN's computation of both, if it has one of one piece: it has where the rows between fit the cache and there are enough
    /// of them. Elsewhere it would compute one after the other.
    private static func primitive(
        _ prepared: PreparedGraph, _ first: FusedConvolution, _ second: FusedConvolution,
        _ library: OneDNNLibrary, _ options: PlanningOptions
    ) -> Primitive? {
        let (a, b) = (prepared.node(first.convolution), prepared.node(second.convolution))
        guard let geometry = ConvolutionGeometry(a, in: prepared.graph),
            let depthwise = ConvolutionGeometry(b, in: prepared.graph),
            geometry.type == .f32, geometry.options.groups == 1,
            Array(geometry.weight.dimensions[2...]) == [1, 1], geometry.options.strides == [1, 1],
            let shape = depthwise.depthwise(options), shape.top == 1, shape.left == 1,
            shape.rows == (shape.height - 1) / shape.stride + 1,
            shape.columns == (shape.width - 1) / shape.stride + 1
        else { return nil }
        let epilogue = Epilogue(
            activation: first.activation,
            depthwise: Epilogue.Depthwise(
                stride: shape.stride, isBiased: b.inputs.count > 2, activation: second.activation))
        guard
            let bias = try? MemoryDescriptor(library, sizes: [geometry.weight[0]], strides: [1]),
            let result = try? MemoryDescriptor(library, images: depthwise.y, type: .f32),
            let primitive = try? geometry.forward(
                library, bias: a.inputs.count > 2 ? bias : nil, epilogue: epilogue),
            primitive.implementation.hasPrefix("jit"),
            (try? primitive.layout(of: Int(onednn_query_destination))) == result
        else { return nil }
        return primitive
    }
}

extension Lowering {
    func lowerJoined(_ joined: JoinedConvolutions) throws {
        let (first, second, primitive) = (
            joined.first.convolution, joined.second.convolution, joined.primitive
        )
        let geometry = ConvolutionGeometry(prepared.node(first), in: prepared.graph)!
        let depthwise = ConvolutionGeometry(prepared.node(second), in: prepared.graph)!
        let (ofFirst, ofSecond) = (prepared.inputs(first), prepared.inputs(second))
        let layout = try primitive.layout(of: Int(onednn_query_weights))
        let part = Int(onednn_argument_depthwise)
        let taps = try primitive.layout(ofArgument: part | Int(onednn_argument_weights))
        let bias = try MemoryDescriptor(library, sizes: [geometry.weight[0]], strides: [1])
        var reads = [
            try operand(ofFirst[0]), try weight(ofFirst[1], in: layout, geometry, for: first),
            try weight(ofSecond[1], in: taps, depthwise, for: second),
        ]
        var arguments = [
            (Int(onednn_argument_source), try MemoryDescriptor(library, images: geometry.x, type: .f32)),
            (Int(onednn_argument_weights), layout), (part | Int(onednn_argument_weights), taps),
        ]
        for (inputs, argument) in [(ofFirst, 0), (ofSecond, part)] where inputs.count > 2 {
            reads.append(try operand(inputs[2]))
            arguments.append((argument | Int(onednn_argument_bias), bias))
        }
        let result = try primitive.layout(of: Int(onednn_query_destination))
        let index = joined.second.nodes.last!
        add(
            PlannedUnit(
                key: index, reads: reads, writes: [try operand(index)],
                scratchByteCount: primitive.scratchByteCount
            ) { [arguments] _ in
                try PrimitiveUnit(
                    "convolution, depthwise", primitive, inputs: arguments,
                    outputs: [(Int(onednn_argument_destination), result)])
            })
    }
}
