extension Tensor {
    /// Cross-correlation of `[N, H, W, C]` with a weight `[O, I / groups, H, W]`, plus a bias `[O]` if there is one.
    public func convolution(
        _ weight: Tensor, bias: Tensor? = nil, options: ConvolutionOptions = ConvolutionOptions()
    ) throws -> Tensor {
        try builder.infer(.convolution(options), [self, weight] + (bias.map { [$0] } ?? []))
    }

    /// The largest value of each window of `[N, H, W, C]`; padding never wins.
    public func maxPool(_ options: PoolingOptions) throws -> Tensor {
        try builder.infer(.maxPool(options), [self])
    }

    /// The mean of each window of `[N, H, W, C]`.
    public func averagePool(_ options: PoolingOptions) throws -> Tensor {
        try builder.infer(.averagePool(options), [self])
    }

    /// The mean over height and width: `[N, H, W, C]` to `[N, C]`.
    public func globalAveragePool() throws -> Tensor {
        guard shape.rank == 4 else {
            throw GraphError.shapes(
                operation: "globalAveragePool", path: builder.path, found: [shape], expected: "[N, H, W, C]")
        }
        return try mean(axes: [1, 2])
    }

    /// The product of two matrices, each transposed first if so marked.
    public func matmul(_ other: Tensor, transposeLeft: Bool = false, transposeRight: Bool = false) throws
        -> Tensor
    {
        try builder.infer(
            .matmul(transposeLeft: transposeLeft, transposeRight: transposeRight), [self, other])
    }

    /// Means and biased variances of G groups of consecutive examples, over examples, height and width: `[2, G, C]`.
    public func momentVectors(groups: Int) throws -> Tensor {
        try builder.infer(.moments(groups: groups), [self], type: type.ofSums)
    }

    /// Means and biased variances, `[G, C]` each, of G groups of consecutive examples, over examples, height and width.
    public func moments(groups: Int) throws -> (mean: Tensor, variance: Tensor) {
        let both = try momentVectors(groups: groups)
        return (try both.element(0), try both.element(1))
    }

    /// a·(x − m) + b with vectors `[G, C]`: row i for the i-th group of N / G consecutive examples.
    ///
    /// Without `variance`, the vectors are independent of x (`Projection.none`) as far as this operation's own rule
    /// goes. With it, m and `variance` (ε inside) are the moments of x over the values that share them, and the
    /// backward pass projects (`Projection.group`), taking both as constants.
    public func affine(
        mean m: Tensor, scale a: Tensor, shift b: Tensor,
        projecting: (variance: Tensor, channelGroups: Int)? = nil
    ) throws -> Tensor {
        if let projecting {
            return try builder.infer(
                .affine(.group(channelGroups: projecting.channelGroups)),
                [self, m, a, b, projecting.variance])
        }
        return try builder.infer(.affine(.none), [self, m, a, b])
    }

    /// a·(x − m) + b with vectors `[G, C]`, m and `variance` the moments of x over each group, whose backward pass
    /// projects partly over each group and partly over all of them (`Projection.mixed`).
    public func affine(
        mean m: Tensor, scale a: Tensor, shift b: Tensor, variance: Tensor,
        groupParts: (mean: Tensor, slope: Tensor)
    ) throws -> Tensor {
        try builder.infer(.affine(.mixed), [self, m, a, b, variance, groupParts.mean, groupParts.slope])
    }

    /// The cross-entropy `[N]` of logits `[N, K]` with labels `[N]` (i32), smoothed as PyTorch does.
    public func softmaxCrossEntropy(labels: Tensor, smoothing: Double = 0) throws -> Tensor {
        guard (0...1).contains(smoothing) else {
            throw GraphError.option(
                operation: "softmaxCrossEntropy", path: builder.path, found: "label smoothing \(smoothing)",
                expected: "0 to 1")
        }
        return try builder.infer(.softmaxCrossEntropy(smoothing: smoothing), [self, labels])
    }

    /// Which of N examples logits `[N, K]` classify as their labels `[N]` (i32) say: 1 where the label's logit is the first of
    /// the largest, else 0. NaN is never right. It has no gradient.
    public func rightAnswers(labels: Tensor) throws -> Tensor {
        try builder.infer(.rightAnswers, [self, labels])
    }
}
