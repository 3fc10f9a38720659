import COneDNN
import RenormKernels

extension Lowering {
    func lowerConvolution(_ index: Int, _ geometry: ConvolutionGeometry) throws {
        let inputs = prepared.inputs(index)
        switch prepared.node(index).op {
        case .convolution:
            try lowerForward(FusedConvolution(convolution: index, nodes: [index]))
        case .convolutionInputGradient:
            if let plan = WinogradPlan(.input_gradient, geometry, options) {
                return try lowerWinograd(index, plan, geometry)
            }
            if try lowerDepthwiseInputGradient(index, geometry) { return }
            let primitive = try geometry.inputGradient(library)
            let layout = try primitive.layout(of: Int(onednn_query_weights))
            let (x, _, y) = try geometry.descriptors(library, layout)
            add(
                PlannedUnit(
                    key: index,
                    reads: [try operand(inputs[0]), try weight(inputs[1], in: layout, geometry, for: index)],
                    writes: [try operand(index)], scratchByteCount: primitive.scratchByteCount
                ) { _ in
                    try PrimitiveUnit(
                        "convolutionInputGradient", primitive,
                        inputs: [
                            (Int(onednn_argument_destination_gradient), y),
                            (Int(onednn_argument_weights), layout),
                        ], outputs: [(Int(onednn_argument_source_gradient), x)])
                })
        default:
            try lowerWeightGradient(index, inputs, geometry)
        }
    }

    func lowerForward(_ fused: FusedConvolution) throws {
        let index = fused.nodes.last!
        let inputs = prepared.inputs(fused.convolution)
        let geometry = ConvolutionGeometry(prepared.node(fused.convolution), in: prepared.graph)!
        if let plan = WinogradPlan(.forward, geometry, options) {
            return try lowerWinograd(fused, plan, geometry)
        }
        if try lowerDepthwise(fused, geometry) { return }
        let bias =
            inputs.count > 2
            ? try MemoryDescriptor(library, sizes: [geometry.weight[0]], strides: [1]) : nil
        let result = try MemoryDescriptor(library, images: geometry.y, type: geometry.type)
        let epilogue =
            fused.nodes.count > 1
            ? Epilogue(residual: fused.residual.map { _ in result }, activation: fused.activation) : nil
        let primitive =
            try forwardInHeldLayout(inputs[1], geometry, bias, epilogue)
            ?? geometry.forward(library, bias: bias, epilogue: epilogue)
        let layout = try primitive.layout(of: Int(onednn_query_weights))
        let (x, _, y) = try geometry.descriptors(library, layout)
        var reads = [
            try operand(inputs[0]), try weight(inputs[1], in: layout, geometry, for: fused.convolution),
        ]
        var arguments = [(Int(onednn_argument_source), x), (Int(onednn_argument_weights), layout)]
        if let bias {
            reads.append(try operand(inputs[2]))
            arguments.append((Int(onednn_argument_bias), bias))
        }
        if let residual = fused.residual {
            reads.append(try operand(residual))
            arguments.append((Int(onednn_argument_first_post_operand), result))
        }
        add(
            PlannedUnit(
                key: index, reads: reads, writes: [try operand(index)],
                scratchByteCount: primitive.scratchByteCount
            ) { [arguments] _ in
                try PrimitiveUnit(
                    "convolution", primitive, inputs: arguments,
                    outputs: [(Int(onednn_argument_destination), y)])
            })
    }

    /// The forward computation on the weight where it lies, for small batches: there a copy in the layout that oneDNN
    /// prefers costs more (512 rows or fewer read each weight) than the few percent that it saves.
    private func forwardInHeldLayout(
        _ weight: Int, _ geometry: ConvolutionGeometry, _ bias: MemoryDescriptor?, _ epilogue: Epilogue?
    ) throws -> Primitive? {
        let rows = geometry.y.elementCount / geometry.y[3]
        guard rows <= 512, geometry.type == .f32, let held = layouts.nodes[weight] else { return nil }
        let primitive = try? geometry.forward(library, weight: held, bias: bias, epilogue: epilogue)
        return primitive.flatMap { $0.implementation.hasPrefix("jit") ? $0 : nil }
    }

    private func lowerWeightGradient(_ index: Int, _ inputs: [Int], _ geometry: ConvolutionGeometry) throws {
        let layout = try geometry.weightGradientLayout(library, options)
        let held = try layouts.nodes[index] ?? geometry.plainWeight(library)
        let isHeld = held == layout
        let target = isHeld ? try operand(index) : buffer(layout.byteCount)
        if let plan = WinogradPlan(.weight_gradient, geometry, options) {
            add(
                PlannedUnit(
                    key: index, reads: try inputs.map(operand), writes: [target],
                    scratchByteCount: plan.scratchByteCount
                ) { _ in WinogradWeightGradientUnit(plan) })
        } else if let shape = geometry.depthwise(options) {
            add(
                PlannedUnit(
                    key: index, reads: try inputs.map(operand), writes: [target],
                    scratchByteCount: renorm_depthwise_scratch(shape)
                ) { _ in DepthwiseUnit(shape, .weightGradient) })
        } else {
            try addDirectWeightGradient(index, inputs, geometry, to: target)
        }
        if !isHeld { try addReorder(key: index, from: target, layout, to: try operand(index), held) }
    }

    private func addDirectWeightGradient(
        _ index: Int, _ inputs: [Int], _ geometry: ConvolutionGeometry, to target: Operand
    ) throws {
        let primitive = try geometry.weightGradient(library)
        let layout = try primitive.layout(of: Int(onednn_query_weight_gradient))
        let (x, _, y) = try geometry.descriptors(library, layout)
        add(
            PlannedUnit(
                key: index, reads: try inputs.map(operand), writes: [target],
                scratchByteCount: primitive.scratchByteCount
            ) { _ in
                try PrimitiveUnit(
                    "convolutionWeightGradient", primitive,
                    inputs: [
                        (Int(onednn_argument_source), x), (Int(onednn_argument_destination_gradient), y),
                    ], outputs: [(Int(onednn_argument_weight_gradient), layout)])
            })
    }
}
