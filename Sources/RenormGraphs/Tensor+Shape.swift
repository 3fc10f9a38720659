import RenormArrays

extension Tensor {
    /// The values stretched to a shape by NumPy's rule.
    public func broadcast(to shape: TensorShape) throws -> Tensor {
        if shape == self.shape { return self }
        guard self.shape.broadcast(with: shape) == shape else {
            throw GraphError.shapes(
                operation: "broadcast", path: builder.path, found: [self.shape, shape],
                expected: "extents that are equal or 1")
        }
        try builder.require(shape, of: "broadcast")
        return builder.append(.broadcast, [id], shape, type)
    }

    /// The same values in the same order under another shape.
    public func reshaped(to shape: TensorShape) throws -> Tensor {
        if shape == self.shape { return self }
        try builder.require(shape, of: "reshape")
        guard shape.elementCount == self.shape.elementCount else {
            throw GraphError.shapes(
                operation: "reshape", path: builder.path, found: [self.shape, shape],
                expected: "as many elements after as before")
        }
        return builder.append(.reshape, [id], shape, type)
    }

    /// The axes in another order: axis i of the result is axis `permutation[i]`.
    public func transposed(_ permutation: [Int]) throws -> Tensor {
        if permutation == Array(0..<shape.rank) { return self }
        return try builder.infer(.transpose(permutation: permutation), [self])
    }

    /// The part that begins at `starts` and has the given shape.
    public func slice(starts: [Int], shape part: TensorShape) throws -> Tensor {
        guard starts.count == shape.rank, part.rank == shape.rank,
            starts.indices.allSatisfy({ starts[$0] >= 0 && starts[$0] + part[$0] <= shape[$0] })
        else {
            throw GraphError.shapes(
                operation: "slice", path: builder.path, found: [shape, part],
                expected: "a part, from \(starts), inside the array")
        }
        if part == shape { return self }
        return builder.append(.slice(starts: starts), [id], part, type)
    }

    /// Element `index` along the first axis, which vanishes.
    public func element(_ index: Int) throws -> Tensor {
        var starts = [Int](repeating: 0, count: shape.rank)
        var part = shape
        if shape.rank > 0 {
            starts[0] = index
            part[0] = 1
        }
        return try slice(starts: starts, shape: part).reshaped(to: shape.removing(axes: [0]))
    }

    /// Zeros before and after along each axis.
    public func padded(low: [Int], high: [Int]) throws -> Tensor {
        try builder.infer(.pad(low: low, high: high), [self])
    }

    /// Tensors one after another along an axis.
    public static func concatenate(_ tensors: [Tensor], axis: Int) throws -> Tensor {
        guard let first = tensors.first else {
            throw GraphError.option(
                operation: "concatenate", path: "", found: "no tensors", expected: "at least one")
        }
        return tensors.count == 1 ? first : try first.builder.infer(.concatenate(axis: axis), tensors)
    }

    // MARK: Reductions

    /// Values combined over axes (all of them by default), which vanish. Of bf16 values the result is f32.
    public func reduce(_ reduction: Reduction, axes: [Int]? = nil) throws -> Tensor {
        let axes = axes ?? Array(0..<shape.rank)
        if axes.isEmpty && reduction.keepsOneValue { return converted(to: type.ofSums) }
        return try builder.infer(.reduce(reduction, axes: axes.sorted()), [self], type: type.ofSums)
    }

    /// Σ (x − y)² over axes, all by default, in one pass that keeps no differences.
    public func squaredDifferences(from other: Tensor, axes: [Int]? = nil) throws -> Tensor {
        let axes = axes ?? Array(0..<shape.rank)
        return try builder.infer(
            .reduce(.squaredDifferences, axes: axes.sorted()), [self, other], type: type.ofSums)
    }

    /// The sum over axes, all by default.
    public func sum(axes: [Int]? = nil) throws -> Tensor { try reduce(.sum, axes: axes) }

    /// The mean over axes, all by default.
    public func mean(axes: [Int]? = nil) throws -> Tensor {
        let total = try sum(axes: axes)
        let count = shape.elementCount / max(total.shape.elementCount, 1)
        return count == 1 ? total : try total * (1 / Double(count))
    }
}
