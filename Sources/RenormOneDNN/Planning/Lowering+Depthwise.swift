import RenormEngines
import RenormKernels

/// Depthwise 3×3 convolutions of our own.
///
/// Their weights are [3, 3, channels] in memory, of which a vector of channels reads a tap at once; weights, gradients and
/// slots share that layout in training.
extension Lowering {
    /// Adds our own pass if it is the one to use; false if oneDNN's is.
    func lowerDepthwise(_ fused: FusedConvolution, _ geometry: ConvolutionGeometry) throws -> Bool {
        guard fused.residual == nil, let shape = geometry.depthwise(options), shape.isFasterForward else {
            return false
        }
        let inputs = prepared.inputs(fused.convolution)
        let layout = try geometry.depthwiseWeight(library)
        var reads = [
            try operand(inputs[0]), try weight(inputs[1], in: layout, geometry, for: fused.convolution),
        ]
        let isBiased = inputs.count > 2
        if isBiased { reads.append(try operand(inputs[2])) }
        let (index, activation) = (fused.nodes.last!, fused.activation.kernel)
        add(
            PlannedUnit(key: index, reads: reads, writes: [try operand(index)]) { _ in
                DepthwiseUnit(shape, .forward(isBiased: isBiased, activation: activation))
            })
        return true
    }

    /// The same for the gradient with respect to x.
    func lowerDepthwiseInputGradient(_ index: Int, _ geometry: ConvolutionGeometry) throws -> Bool {
        guard let shape = geometry.depthwise(options), shape.isFasterForDataGradient else { return false }
        let inputs = prepared.inputs(index)
        let layout = try geometry.depthwiseWeight(library)
        let reads = [try operand(inputs[0]), try weight(inputs[1], in: layout, geometry, for: index)]
        add(
            PlannedUnit(key: index, reads: reads, writes: [try operand(index)]) { _ in
                DepthwiseUnit(shape, .dataGradient)
            })
        return true
    }
}

extension ConvolutionGeometry {
    /// The convolution as our own passes take it; nil if they do not, or if oneDNN's are asked for.
    func depthwise(_ planning: PlanningOptions) -> renorm_depthwise? {
        guard planning.convolution != .direct, options.groups > 1, options.groups == x[3],
            weight.dimensions == [x[3], 1, 3, 3], options.dilations == [1, 1],
            options.strides == [1, 1] || options.strides == [2, 2]
        else { return nil }
        return renorm_depthwise(
            batch: x[0], height: x[1], width: x[2], channels: x[3], rows: y[1], columns: y[2],
            stride: options.strides[0], top: options.padding[0], left: options.padding[2], type: type.kernel)
    }

    /// The layout of the weight and its gradient that our own passes take: taps outermost, channels innermost.
    func depthwiseWeight(_ library: OneDNNLibrary) throws -> MemoryDescriptor {
        let channels = weight[0]
        return try MemoryDescriptor(
            library, sizes: weightSizes, strides: [1, 1, 1, 3 * channels, channels])
    }
}

/// Where ours are faster than oneDNN 3.2's. Measured on a Xeon of the Ice Lake generation on the shapes of MobileNetV2 at 224 px
/// and of small images, batch 1 to 32, one thread and two, AVX-512 and AVX2: gradients by weights everywhere, the rest
/// but for images of a few pixels, and forward in f32 to 7×7 from 14×14, where ours takes up to 1.2 times as long. A rule on shapes alone keeps
/// bits the same on every machine.
extension renorm_depthwise {
    private var isTiny: Bool { rows * columns < 9 }

    var isFasterForward: Bool {
        type == .bf16 || !isTiny && (stride == 1 || rows * columns > 49)
    }

    var isFasterForDataGradient: Bool { type == .bf16 || !isTiny }
}
