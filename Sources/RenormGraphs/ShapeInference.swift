import RenormArrays

/// The operands of an operation, as shape inference sees them.
struct Operands {
    let op: Op
    let shapes: [TensorShape]
    let types: [ElementType]
    let path: String

    func fail(_ expected: String) -> GraphError {
        .shapes(operation: op.name, path: path, found: shapes, expected: expected)
    }

    func require(_ condition: Bool, _ expected: @autoclosure () -> String) throws {
        if !condition { throw fail(expected()) }
    }

    func requireOption(
        _ condition: Bool, found: @autoclosure () -> String, _ expected: @autoclosure () -> String
    )
        throws
    {
        if !condition {
            throw GraphError.option(operation: op.name, path: path, found: found(), expected: expected())
        }
    }

    /// Throws unless an option is so many numbers of at least `least`.
    private func requireNumbers(_ name: String, _ values: [Int], count: Int, least: Int) throws {
        try requireOption(
            values.count == count && values.allSatisfy { $0 >= least }, found: "\(name) \(values)",
            "\(count) of at least \(least)")
    }

    /// Throws unless the operands from `first` on have one element type.
    private func requireOneType(from first: Int = 0) throws {
        if let other = types[first...].first(where: { $0 != types[first] }) {
            throw GraphError.type(
                operation: op.name, path: path, found: other,
                expected: "\(types[first]) as of the operands before")
        }
    }

    /// The shape of the result of an operation whose operands determine it.
    func inferredShape() throws -> TensorShape {
        switch op {
        case .unary, .stopGradient, .barrier, .activation:
            return shapes[0]
        case .binary, .compare, .activationGradient:
            try requireOneType()
            try require(shapes[0] == shapes[1], "equal shapes")
            return shapes[0]
        case .select:
            try requireOneType(from: 1)
            try require(shapes[0] == shapes[1] && shapes[1] == shapes[2], "three equal shapes")
            return shapes[1]
        case .reduce(let reduction, let axes):
            try requireOneType()
            try require(
                shapes.count == reduction.operandCount && shapes.allSatisfy { $0 == shapes[0] },
                reduction.operandCount == 1 ? "one array" : "two arrays of equal shape")
            try require(
                Set(axes).count == axes.count && axes.allSatisfy { (0..<shapes[0].rank).contains($0) },
                "an array that has the axes \(axes)")
            return shapes[0].removing(axes: axes)
        case .transpose(let permutation):
            try require(
                permutation.sorted() == Array(0..<shapes[0].rank), "an array of rank \(permutation.count)")
            return TensorShape(permutation.map { shapes[0][$0] })
        case .pad(let low, let high):
            try require(
                low.count == shapes[0].rank && high.count == low.count, "an array of rank \(low.count)")
            try requireOption(
                (low + high).allSatisfy { $0 >= 0 }, found: "padding low \(low) high \(high)",
                "padding of at least 0")
            return TensorShape(shapes[0].dimensions.indices.map { low[$0] + shapes[0][$0] + high[$0] })
        case .concatenate(let axis):
            return try concatenated(axis)
        case .convolution(let options):
            return try convolved(options)
        case .maxPool(let options), .averagePool(let options):
            return try pooled(options)
        case .matmul(let transposeLeft, let transposeRight):
            try require(shapes[0].rank == 2 && shapes[1].rank == 2, "two matrices")
            let (rows, inner) = transposeLeft ? (shapes[0][1], shapes[0][0]) : (shapes[0][0], shapes[0][1])
            let (other, columns) =
                transposeRight ? (shapes[1][1], shapes[1][0]) : (shapes[1][0], shapes[1][1])
            try require(inner == other, "matrices that share their inner extent (\(inner) against \(other))")
            return [rows, columns]
        case .moments(let groups):
            try requireGroups(groups)
            return [2, groups, shapes[0][3]]
        case .filteredMoments:
            let moments = shapes[0]
            try require(
                moments.rank == 3 && moments[0] == 2 && shapes[1] == [moments[2]] && shapes[2] == shapes[1]
                    && shapes[3] == [2, moments[2]] && shapes[4] == [2, 3] && shapes[5] == .scalar,
                "moments [2, G, C], averages [C], innovations [2, C], gains [2, 3] and a count")
            return [4 * moments[1] * moments[2] + 4 * moments[2] + 6]
        case .affine(let projection):
            try requireVectors(Array(shapes.dropFirst()), of: shapes[0])
            if case .group(let channelGroups) = projection {
                try requireOption(
                    channelGroups > 0 && shapes[0][3] % channelGroups == 0,
                    found: "\(channelGroups) groups of \(shapes[0][3]) channels", "a divisor of the channels")
            }
            return shapes[0]
        case .affineSums:
            try require(shapes[0] == shapes[1], "dy and x of equal shape")
            try requireVectors([shapes[2]], of: shapes[0])
            return [2, shapes[2][0], shapes[2][1]]
        case .affineGradient:
            try require(shapes[0] == shapes[1], "dy and x of equal shape")
            try requireVectors(Array(shapes.dropFirst(2)), of: shapes[0])
            return shapes[0]
        case .softmaxCrossEntropy, .softmaxCrossEntropyGradient, .rightAnswers:
            try require(
                shapes[0].rank == 2 && shapes[1] == [shapes[0][0]], "logits [N, K] and labels [N]")
            guard types[1] == .i32 else {
                throw GraphError.type(
                    operation: op.name, path: path, found: types[1], expected: "labels of i32")
            }
            if case .softmaxCrossEntropyGradient = op { return shapes[0] }
            return [shapes[0][0]]
        case .input, .variable, .schedule, .step, .constant, .random, .convert, .broadcast, .reshape, .slice,
            .convolutionInputGradient, .convolutionWeightGradient, .maxPoolGradient, .averagePoolGradient:
            preconditionFailure("the shape of \(op.name) is given, not inferred")
        }
    }

    private func concatenated(_ axis: Int) throws -> TensorShape {
        try requireOneType()
        try require((0..<shapes[0].rank).contains(axis), "arrays that have axis \(axis)")
        var result = shapes[0]
        for shape in shapes.dropFirst() {
            try require(
                shape.rank == result.rank && shape.removing(axes: [axis]) == result.removing(axes: [axis]),
                "arrays that differ along axis \(axis) at most")
            result[axis] += shape[axis]
        }
        return result
    }

    private func convolved(_ options: ConvolutionOptions) throws -> TensorShape {
        let (x, weight) = (shapes[0], shapes[1])
        try require(x.rank == 4 && weight.rank == 4, "x [N, H, W, C] and weight [O, I / groups, H, W]")
        try requireNumbers("strides", options.strides, count: 2, least: 1)
        try requireNumbers("dilations", options.dilations, count: 2, least: 1)
        try requireNumbers("padding", options.padding, count: 4, least: 0)
        try requireNumbers("groups", [options.groups], count: 1, least: 1)
        try require(
            x[3] == weight[1] * options.groups && weight[0] % options.groups == 0,
            "x with \(weight[1] * options.groups) channels (\(weight[1]) for each of \(options.groups) groups)"
        )
        if shapes.count > 2 { try require(shapes[2] == [weight[0]], "a bias of shape [\(weight[0])]") }
        let height = windows(
            x[1], window: (weight[2] - 1) * options.dilations[0] + 1, stride: options.strides[0],
            padding: options.padding[0] + options.padding[1])
        let width = windows(
            x[2], window: (weight[3] - 1) * options.dilations[1] + 1, stride: options.strides[1],
            padding: options.padding[2] + options.padding[3])
        try require(height > 0 && width > 0, "an image at least as large as the window")
        return [x[0], height, width, weight[0]]
    }

    private func pooled(_ options: PoolingOptions) throws -> TensorShape {
        let x = shapes[0]
        try require(x.rank == 4, "x [N, H, W, C]")
        try requireNumbers("window", options.window, count: 2, least: 1)
        try requireNumbers("strides", options.strides, count: 2, least: 1)
        try requireNumbers("padding", options.padding, count: 4, least: 0)
        try requireOption(
            max(options.padding[0], options.padding[1]) < options.window[0]
                && max(options.padding[2], options.padding[3]) < options.window[1],
            found: "padding \(options.padding) of a window \(options.window)",
            "padding smaller than the window")
        let height = windows(
            x[1], window: options.window[0], stride: options.strides[0],
            padding: options.padding[0] + options.padding[1])
        let width = windows(
            x[2], window: options.window[1], stride: options.strides[1],
            padding: options.padding[2] + options.padding[3])
        try require(height > 0 && width > 0, "an image at least as large as the window")
        return [x[0], height, width, x[3]]
    }

    /// The number of windows along an axis, 0 or less if none fits.
    private func windows(_ extent: Int, window: Int, stride: Int, padding: Int) -> Int {
        extent + padding < window ? 0 : (extent + padding - window) / stride + 1
    }

    private func requireGroups(_ groups: Int) throws {
        try require(shapes[0].rank == 4, "x [N, H, W, C]")
        try requireOption(
            groups > 0 && shapes[0][0] % groups == 0, found: "\(groups) groups of \(shapes[0][0]) examples",
            "a number of groups that divides the batch")
    }

    /// Vectors of a normalization: all `[G, C]`, with G dividing the batch.
    private func requireVectors(_ vectors: [TensorShape], of x: TensorShape) throws {
        try require(
            x.rank == 4
                && vectors.allSatisfy {
                    $0 == vectors[0] && $0.rank == 2 && $0[1] == x[3] && $0[0] > 0 && x[0] % $0[0] == 0
                },
            "x [N, H, W, C] and equal vectors [G, C] with G dividing N")
    }
}
