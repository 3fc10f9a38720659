import RenormArrays
import RenormGraphs
import Testing

/// Something that must fail, and the exact message.
private struct Failure: Sendable, CustomTestStringConvertible {
    let message: String
    let attempt: @Sendable (GraphBuilder) throws -> Void

    var testDescription: String { message }

    init(_ message: String, _ attempt: @escaping @Sendable (GraphBuilder) throws -> Void) {
        self.message = message
        self.attempt = attempt
    }
}

private let hint = "Check what the layer before it gives and how this one is configured."

extension GraphBuilder {
    fileprivate func image(_ channels: Int = 3) -> Tensor { input("x", shape: [2, 5, 5, channels]) }
    fileprivate func tensor(_ shape: TensorShape, _ type: ElementType = .f32) -> Tensor {
        input("t", shape: shape, type: type)
    }
}

private let shapes: [Failure] = [
    Failure(
        "add at 'layer1': found [2, 3] and [2, 4]; expected equal extents, or 1, along each axis counted from the last. \(hint)"
    ) { builder in
        try builder.within(path: "layer1") { _ = try builder.tensor([2, 3]) + builder.tensor([2, 4]) }
    },
    Failure(
        "less: found [2] and [3]; expected equal extents, or 1, along each axis counted from the last. \(hint)"
    ) {
        _ = try $0.tensor([2]).compare(.less, $0.tensor([3]))
    },
    Failure(
        "select: found [3] and [2]; expected equal extents, or 1, along each axis counted from the last. \(hint)"
    ) {
        _ = try $0.tensor([3]).select($0.tensor([2]), $0.tensor([2]))
    },
    Failure("broadcast: found [2, 3] and [3, 3]; expected extents that are equal or 1. \(hint)") {
        _ = try $0.tensor([2, 3]).broadcast(to: [3, 3])
    },
    Failure("broadcast: found [2, 3] and [3]; expected extents that are equal or 1. \(hint)") {
        _ = try $0.tensor([2, 3]).broadcast(to: [3])
    },
    Failure("reshape: found [2, 3] and [5]; expected as many elements after as before. \(hint)") {
        _ = try $0.tensor([2, 3]).reshaped(to: [5])
    },
    Failure("transpose: found [2, 3]; expected an array of rank 3. \(hint)") {
        _ = try $0.tensor([2, 3]).transposed([0, 2, 1])
    },
    Failure("slice: found [4, 4] and [2, 2]; expected a part, from [3, 0], inside the array. \(hint)") {
        _ = try $0.tensor([4, 4]).slice(starts: [3, 0], shape: [2, 2])
    },
    Failure("slice: found [2, 3] and [1, 3]; expected a part, from [2, 0], inside the array. \(hint)") {
        _ = try $0.tensor([2, 3]).element(2)
    },
    Failure("pad: found [2, 3]; expected an array of rank 1. \(hint)") {
        _ = try $0.tensor([2, 3]).padded(low: [1], high: [1])
    },
    Failure("concatenate: found [2, 3] and [3, 3]; expected arrays that differ along axis 1 at most. \(hint)")
    {
        _ = try Tensor.concatenate([$0.tensor([2, 3]), $0.tensor([3, 3])], axis: 1)
    },
    Failure("concatenate: found [2] and [2]; expected arrays that have axis 1. \(hint)") {
        _ = try Tensor.concatenate([$0.tensor([2]), $0.tensor([2])], axis: 1)
    },
    Failure("reduce sum: found [2, 3]; expected an array that has the axes [1, 2]. \(hint)") {
        _ = try $0.tensor([2, 3]).sum(axes: [2, 1])
    },
    Failure(
        "matmul: found [2, 3] and [2, 3]; expected matrices that share their inner extent (3 against 2). \(hint)"
    ) {
        _ = try $0.tensor([2, 3]).matmul($0.tensor([2, 3]))
    },
    Failure("matmul: found [2, 3, 1] and [3, 3]; expected two matrices. \(hint)") {
        _ = try $0.tensor([2, 3, 1]).matmul($0.tensor([3, 3]))
    },
    Failure("globalAveragePool: found [2, 3]; expected [N, H, W, C]. \(hint)") {
        _ = try $0.tensor([2, 3]).globalAveragePool()
    },
    Failure(
        "convolution at 'conv1': found [2, 5, 5, 3] and [8, 4, 3, 3]; "
            + "expected x with 4 channels (4 for each of 1 groups). \(hint)"
    ) { builder in
        try builder.within(path: "conv1") {
            _ = try builder.image().convolution(builder.tensor([8, 4, 3, 3]))
        }
    },
    Failure(
        "convolution: found [2, 5, 5, 4] and [5, 2, 3, 3]; expected x with 4 channels (2 for each of 2 groups). \(hint)"
    ) { _ = try $0.image(4).convolution($0.tensor([5, 2, 3, 3]), options: ConvolutionOptions(groups: 2)) },
    Failure(
        "convolution: found [2, 5] and [8, 4, 3, 3]; expected x [N, H, W, C] and weight [O, I / groups, H, W]. \(hint)"
    ) { _ = try $0.tensor([2, 5]).convolution($0.tensor([8, 4, 3, 3])) },
    Failure(
        "convolution: found [2, 5, 5, 3] and [8, 3, 3, 3] and [3]; expected a bias of shape [8]. \(hint)"
    ) { _ = try $0.image().convolution($0.tensor([8, 3, 3, 3]), bias: $0.tensor([3])) },
    Failure(
        "convolution: found [2, 5, 5, 3] and [8, 3, 3, 3]; expected an image at least as large as the window. \(hint)"
    ) {
        _ = try $0.image().convolution(
            $0.tensor([8, 3, 3, 3]), options: ConvolutionOptions(dilations: [3, 3]))
    },
    Failure("maxPool: found [2, 5, 5, 3]; expected an image at least as large as the window. \(hint)") {
        _ = try $0.image().maxPool(PoolingOptions(window: [6, 6], strides: [1, 1]))
    },
    Failure("averagePool: found [2, 5]; expected x [N, H, W, C]. \(hint)") {
        _ = try $0.tensor([2, 5]).averagePool(PoolingOptions(window: [2, 2], strides: [1, 1]))
    },
    Failure("moments: found [2, 5]; expected x [N, H, W, C]. \(hint)") {
        _ = try $0.tensor([2, 5]).moments(groups: 1)
    },
    Failure(
        "affine: found [2, 5, 5, 3] and [1, 3] and [1, 4] and [1, 3]; "
            + "expected x [N, H, W, C] and equal vectors [G, C] with G dividing N. \(hint)"
    ) {
        _ = try $0.image().affine(
            mean: $0.tensor([1, 3]), scale: $0.tensor([1, 4]), shift: $0.tensor([1, 3]))
    },
    Failure("softmaxCrossEntropy: found [2, 10] and [3]; expected logits [N, K] and labels [N]. \(hint)") {
        _ = try $0.tensor([2, 10]).softmaxCrossEntropy(labels: $0.tensor([3], .i32))
    },
    Failure("gradients: found [2, 3]; expected a scalar to differentiate. \(hint)") { builder in
        let x = builder.tensor([2, 3])
        _ = try builder.gradients(of: x, for: [x])
    },
    Failure("update at 'w': found [3]; expected [2]. \(hint)") { builder in
        _ = try builder.variable(specification("w", [2]))
        try builder.update("w", to: builder.tensor([3]))
    },
]

private func specification(_ path: String, _ shape: TensorShape, _ kind: VariableKind = .parameter)
    -> VariableSpecification
{
    VariableSpecification(path: path, kind: kind, shape: shape, initializer: .constant(0))
}

private let others: [Failure] = [
    Failure("add: found values of type i32; expected f32 as of the operands before. Convert them first.") {
        _ = try $0.tensor([2]) + $0.tensor([2], .i32)
    },
    Failure(
        "concatenate: found values of type u8; expected f32 as of the operands before. Convert them first."
    ) {
        _ = try Tensor.concatenate([$0.tensor([2]), $0.tensor([2], .u8)], axis: 0)
    },
    Failure("select: found values of type i32; expected f32 as of the operands before. Convert them first.") {
        _ = try $0.tensor([2]).select($0.tensor([2]), $0.tensor([2], .i32))
    },
    Failure("softmaxCrossEntropy: found values of type f32; expected labels of i32. Convert them first.") {
        _ = try $0.tensor([2, 10]).softmaxCrossEntropy(labels: $0.tensor([2]))
    },
    Failure(
        "softmaxCrossEntropy at 'loss': found label smoothing 1.5; expected 0 to 1. Change the layer's options."
    ) { builder in
        try builder.within(path: "loss") {
            _ = try builder.tensor([2, 10]).softmaxCrossEntropy(
                labels: builder.tensor([2], .i32), smoothing: 1.5)
        }
    },
    Failure(
        "moments at 'bn1': found 3 groups of 2 examples; expected a number of groups that divides the batch. "
            + "Change the layer's options."
    ) { builder in try builder.within(path: "bn1") { _ = try builder.image().moments(groups: 3) } },
    Failure(
        "affine: found 2 groups of 3 channels; expected a divisor of the channels. Change the layer's options."
    ) {
        let vector = $0.tensor([1, 3])
        _ = try $0.image().affine(mean: vector, scale: vector, shift: vector, projecting: (vector, 2))
    },
    Failure(
        "pad: found padding low [-1] high [0]; expected padding of at least 0. Change the layer's options."
    ) { _ = try $0.tensor([2]).padded(low: [-1], high: [0]) },
    Failure("concatenate: found no tensors; expected at least one. Change the layer's options.") { _ in
        _ = try Tensor.concatenate([], axis: 0)
    },
    Failure("schedule at 'rate': found two schedules of this name; expected one. Change the layer's options.")
    {
        _ = try $0.schedule("rate", .constant(1))
        _ = try $0.schedule("rate", .constant(2))
    },
    Failure("update at 'w': found a second update; expected one. Change the layer's options.") { builder in
        let w = try builder.variable(specification("w", [2]))
        try builder.update("w", to: w)
        try builder.update("w", to: w)
    },
    Failure(
        "The variable 'w' was asked for twice; expected each path once. "
            + "Give the second layer a name of its own, or share it on purpose."
    ) {
        _ = try $0.variable(specification("w", [2]))
        _ = try $0.variable(specification("w", [3]))
    },
    Failure(
        "The variable 'w' was asked for twice; expected each path once. "
            + "Give the second layer a name of its own, or share it on purpose."
    ) {
        _ = try $0.variable(specification("w", [2]))
        _ = try $0.variable(specification("w", [2], .statistic))
    },
    Failure("There is no variable 'conv2'; expected one of: conv1. Check the name.") {
        _ = try $0.variable(specification("conv1", [2]))
        _ = try $0.variable(at: "conv2")
    },
    Failure("There is no variable 'conv2'; expected one of: conv1. Check the name.") {
        try $0.update("conv2", to: $0.variable(specification("conv1", [2])))
    },
    Failure(
        "convolutionInputGradient at 'conv1': found a gradient to be differentiated again; "
            + "expected first derivatives only. Change the layer's options."
    ) { builder in
        let (x, weight) = (builder.image(), builder.tensor([4, 3, 3, 3]))
        let y = try builder.within(path: "conv1") { try x.convolution(weight) }
        let first = try builder.gradients(of: y.sum(), for: [x])[0]
        _ = try builder.gradients(of: first.sum(), for: [weight])
    },
]

@Suite struct GraphErrorTests {
    @Test(arguments: shapes + others)
    private func saysWhatWasFoundWhatWasExpectedAndWhatToDo(_ failure: Failure) {
        let error = #expect(throws: GraphError.self) { try failure.attempt(GraphBuilder()) }
        #expect(error?.description == failure.message)
    }

    /// The error says which of the options is wrong, and what it may be.
    @Test(arguments: [
        (ConvolutionOptions(strides: [0, 1]), "strides [0, 1]", "2 of at least 1"),
        (ConvolutionOptions(strides: [1]), "strides [1]", "2 of at least 1"),
        (ConvolutionOptions(padding: [-1, 0, 0, 0]), "padding [-1, 0, 0, 0]", "4 of at least 0"),
        (ConvolutionOptions(padding: [1, 1]), "padding [1, 1]", "4 of at least 0"),
        (ConvolutionOptions(dilations: [1, 0]), "dilations [1, 0]", "2 of at least 1"),
        (ConvolutionOptions(groups: 0), "groups [0]", "1 of at least 1"),
    ])
    func impossibleGeometryOfAConvolution(
        _ options: ConvolutionOptions, _ found: String, _ expected: String
    ) {
        let builder = GraphBuilder()
        let error = #expect(throws: GraphError.self) {
            try builder.image().convolution(builder.tensor([8, 3, 3, 3]), options: options)
        }
        #expect(
            error
                == .option(
                    operation: "convolution", path: "", found: found, expected: expected))
    }

    @Test(arguments: [
        (PoolingOptions(window: [0, 2], strides: [1, 1]), "window [0, 2]", "2 of at least 1"),
        (PoolingOptions(window: [2, 2], strides: [1, 0]), "strides [1, 0]", "2 of at least 1"),
        (
            PoolingOptions(window: [2, 2], strides: [1, 1], padding: [2, 0, 0, 0]),
            "padding [2, 0, 0, 0] of a window [2, 2]", "padding smaller than the window"
        ),
        (
            PoolingOptions(window: [2, 2], strides: [1, 1], padding: [0, 0, 0, -1]),
            "padding [0, 0, 0, -1]", "4 of at least 0"
        ),
    ])
    func impossibleGeometryOfAPooling(_ options: PoolingOptions, _ found: String, _ expected: String) {
        let builder = GraphBuilder()
        let error = #expect(throws: GraphError.self) { try builder.image().maxPool(options) }
        #expect(error == .option(operation: "maxPool", path: "", found: found, expected: expected))
    }
}
