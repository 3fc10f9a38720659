/// What a node of a graph computes. Meanings are StableHLO's where it has the operation; `ReferenceEngine` is the
/// meaning executed, and every other engine is tested against it.
///
/// Activations are `[N, H, W, C]`; convolution weights `[O, I / groups, H, W]`; vectors of a normalization `[G, C]`,
/// one row for each of G groups of consecutive examples.
public enum Op: Hashable, Sendable {
    // MARK: Sources

    /// An array fed at each run.
    case input(String)
    /// The value, before the step, of the variable at this path.
    case variable(String)
    /// A scalar: the value of the graph's schedule of this name at the step that is run.
    case schedule(String)
    /// A scalar: the number of the step that is run (exact up to 2²⁴).
    case step
    /// A scalar.
    case constant(Double)
    /// Uniform numbers in [0, 1), a function of (seed, stream, counter) alone. The counter is the input, a scalar:
    /// element i is word i mod 4 of `Random.block(seed, stream, counter, i / 4)`, its upper 24 bits times 2⁻²⁴.
    case random(seed: UInt64, stream: UInt64)

    // MARK: Elementwise: all operands have the node's shape

    /// A function of one operand.
    case unary(Unary)
    /// A function of two operands.
    case binary(Binary)
    /// 1 where the comparison of two operands holds, else 0.
    case compare(Comparison)
    /// Operands (mask, a, b): a where the mask is not 0, else b.
    case select
    /// The value converted to the node's element type.
    case convert
    /// The value; its gradient is zero.
    case stopGradient
    /// The value, computed again rather than shared: no rewrite looks through it.
    case barrier

    // MARK: Shape

    /// The operand stretched to the node's shape by NumPy's rule (axes aligned at the last, extent 1 repeats).
    case broadcast
    /// The operand (or two of them) combined over some axes, which vanish. Of bf16 the result is f32.
    case reduce(Reduction, axes: [Int])
    /// The same values in the same order under the node's shape.
    case reshape
    /// Axis i of the result is axis `permutation[i]` of the operand.
    case transpose(permutation: [Int])
    /// The part of the operand that begins at `starts` and has the node's shape.
    case slice(starts: [Int])
    /// The operand with zeros before and after it along each axis.
    case pad(low: [Int], high: [Int])
    /// The operands one after another along an axis.
    case concatenate(axis: Int)

    // MARK: Structured

    /// Operands (x, weight) or (x, weight, bias `[O]`): cross-correlation.
    case convolution(ConvolutionOptions)
    /// Operands (dy, weight): the gradient with respect to x, of the node's shape.
    case convolutionInputGradient(ConvolutionOptions)
    /// Operands (x, dy): the gradient with respect to the weight, of the node's shape.
    case convolutionWeightGradient(ConvolutionOptions)
    /// The largest value of each window; padding never wins. NaN wins over everything.
    case maxPool(PoolingOptions)
    /// Operands (x, dy): each dy goes to the largest value of its window, the first in row order among equals.
    case maxPoolGradient(PoolingOptions)
    /// The mean of each window.
    case averagePool(PoolingOptions)
    /// Operand dy: each dy spread evenly over its window; the node has the shape of x.
    case averagePoolGradient(PoolingOptions)
    /// The product of two matrices, each transposed first if so marked.
    case matmul(transposeLeft: Bool, transposeRight: Bool)
    /// Vectors of a normalization are f32 where activations are bf16.
    ///
    /// Operand x `[N, H, W, C]`, in G groups of N / G consecutive examples: `[2, G, C]`, the means and the biased
    /// variances of each group and channel over examples, height and width.
    case moments(groups: Int)
    /// Operands (moments `[2, G, C]`, mean `[C]`, deviation `[C]`, innovations `[2, C]`, gains `[2, 3]`, count, a
    /// scalar): averages that follow the moments of one group after another. For each group, with e = (μ_B − μ)/σ and
    /// e′ = log(σ_B/σ), both within ±10¹⁵, σ_B² = variance + ε, each gain K is multiplied by exp(adaptation·(C/S − margin)), within its bounds, where
    /// S and C are averages of e² and of e·e of the group before, over the channels too; then μ grows by K·σ·e and σ by
    /// the factor exp(K′·e′). The state comes as innovations (the last e and e′) and gains (K, S, C and K′, S′, C′).
    ///
    /// The result is one row of numbers: the mean and the deviation that each group is normalized with and the part of its own
    /// in both, `[4, G, C]`: μ and σ after it and the gains, or as much more of its own as `rMax` and `dMax`, times
    /// max(1, count·`widening`), ask for; then the innovations, averages and gains after the last.
    case filteredMoments(MomentFilter, epsilon: Double)
    /// Operands (x, m, a, b), the vectors `[G, C]`: y = a·(x − m) + b. With a projection there are more, which only the
    /// gradient reads (see `Projection`): v `[G, C]`, and the mixed one's parts.
    case affine(Projection)
    /// Operands (dy, x, m `[G, C]`): `[2, G, C]`, Σ dy and Σ dy·(x − m) over each group and channel.
    case affineSums
    /// Operands (dy, x, m, p, q, c), the vectors `[G, C]`: dx = p·dy + q·(x − m) + c.
    case affineGradient
    /// max(x, 0), or its like.
    case activation(Activation)
    /// Operands (dy, y), y the activation's output: dy where the activation's slope is 1, else 0.
    case activationGradient(Activation)
    /// Operands (logits `[N, K]`, labels `[N]` of i32): `[N]`, −Σₖ tₖ·log softmax(logits)ₖ with
    /// tₖ = (1 − smoothing)·[k = label] + smoothing / K.
    case softmaxCrossEntropy(smoothing: Double)
    /// Operands (logits, labels, dloss `[N]`): (softmax(logits) − t)·dloss.
    case softmaxCrossEntropyGradient(smoothing: Double)
    /// Operands (logits `[N, K]`, labels `[N]` of i32): `[N]`, 1 where the label's logit is the first of the largest, else 0.
    /// NaN is never the largest, nor is −∞.
    case rightAnswers
}

/// Elementwise functions of one operand.
public enum Unary: String, Hashable, Sendable, CaseIterable {
    /// −x.
    case negate
    /// eˣ.
    case exp
    /// The natural logarithm.
    case log
    /// The square root.
    case sqrt
    /// 1 / √x.
    case rsqrt
    /// |x|.
    case abs
    /// −1, 0 or 1.
    case sign
    /// 1 / (1 + e⁻ˣ).
    case logistic
    /// The hyperbolic tangent.
    case tanh
    /// The error function, 2/√π · ∫₀ˣ exp(−t²) dt.
    case erf
    /// 1 where the operand is neither infinite nor NaN, else 0.
    case isFinite
}

/// Elementwise functions of two operands.
public enum Binary: String, Hashable, Sendable, CaseIterable {
    /// a + b.
    case add
    /// a − b.
    case subtract
    /// a · b.
    case multiply
    /// a / b.
    case divide
    /// The larger; NaN if one of them is. Its gradient goes to a where both are equal.
    case maximum
    /// The smaller; NaN if one of them is. Its gradient goes to a where both are equal.
    case minimum
    /// aᵇ.
    case power
}

/// Comparisons; every one but `notEqual` is false where an operand is NaN.
public enum Comparison: String, Hashable, Sendable, CaseIterable {
    /// a = b.
    case equal
    /// a ≠ b.
    case notEqual
    /// a < b.
    case less
    /// a ≤ b.
    case lessOrEqual
    /// a > b.
    case greater
    /// a ≥ b.
    case greaterOrEqual
}

/// Ways to combine values over axes. Sums are accumulated in f64.
public enum Reduction: String, Hashable, Sendable, CaseIterable {
    /// Σ x.
    case sum
    /// Σ x².
    case sumOfSquares
    /// The largest; NaN if there is one.
    case maximum
    /// The smallest; NaN if there is one.
    case minimum
    /// How many values are 0.
    case zeros
    /// Σ (x − y)², of two operands of equal shape.
    case squaredDifferences

    /// The number of operands.
    package var operandCount: Int { self == .squaredDifferences ? 2 : 1 }

    /// How results over parts of the values are combined.
    package var ofParts: Reduction {
        switch self {
        case .maximum, .minimum: self
        case .sum, .sumOfSquares, .zeros, .squaredDifferences: .sum
        }
    }

    /// Whether combining one value gives that value.
    package var keepsOneValue: Bool { ofParts == self }
}

/// Activations whose slope is 0 or 1 and can be told from their output, so that a pass over memory can apply them and
/// undo them without having kept their input.
///
/// What is not finite stays so, that an overflow is never hidden: where x is NaN or −∞, or for ReLU6 ∞, y is NaN. (In
/// PyTorch a ReLU makes 0 of −∞, and a ReLU6 6 of ∞.)
public enum Activation: String, Hashable, Sendable, CaseIterable {
    /// max(x, 0): slope 1 where y > 0.
    case relu
    /// min(max(x, 0), 6): slope 1 where 0 < y < 6.
    case relu6
    /// The same of an x that a guard knows to be finite, which is faster; else y is anything.
    case relu6OfNumbers
}

/// The geometry of a convolution. Dilation 1 means none.
public struct ConvolutionOptions: Hashable, Sendable {
    /// The step of the window along height and width.
    public var strides: [Int]
    /// Zeros added at the top, bottom, left and right.
    public var padding: [Int]
    /// The distance between neighbouring taps along height and width; 1 means none left out.
    public var dilations: [Int]
    /// The number of groups that input and output channels are split into; each group is a convolution of its own.
    public var groups: Int

    /// Makes the geometry of a convolution.
    public init(
        strides: [Int] = [1, 1], padding: [Int] = [0, 0, 0, 0], dilations: [Int] = [1, 1], groups: Int = 1
    ) {
        self.strides = strides
        self.padding = padding
        self.dilations = dilations
        self.groups = groups
    }
}

/// The geometry of a pooling.
public struct PoolingOptions: Hashable, Sendable {
    /// Height and width of the window.
    public var window: [Int]
    /// The step of the window along height and width.
    public var strides: [Int]
    /// Cells added at the top, bottom, left and right: never the largest, zeros of an average.
    public var padding: [Int]
    /// Whether an average divides by the whole window where it overlaps the padding (as PyTorch does by default), or
    /// by the number of real cells.
    public var countsPadding: Bool

    /// Makes the geometry of a pooling.
    public init(window: [Int], strides: [Int], padding: [Int] = [0, 0, 0, 0], countsPadding: Bool = true) {
        self.window = window
        self.strides = strides
        self.padding = padding
        self.countsPadding = countsPadding
    }
}

/// What the backward pass of an `affine` removes from the gradient: the mean and the direction of x, along which the
/// parameters below cannot change the output because the normalization cancels it (Ioffe & Szegedy 2015, section 2).
public enum Projection: Hashable, Sendable {
    /// Nothing: m, a and b are independent of x, as with frozen averages.
    case none
    /// Over the values that share moments: a group of examples, height, width, and the channels of one of
    /// `channelGroups` equal runs of channels (as many as there are channels: each channel for itself). Operand m must
    /// be their mean and operand v their variance with ε inside; both count as constants.
    ///
    /// With p = a·dy: dx = p − mean(p) − (x − m)·mean(p·(x − m)) / v.
    case group(channelGroups: Int)
    /// Partly over each group of examples, partly over all groups of the step, whose gradients are summed. Two more
    /// operands `[G, C]` say which part is the group's: of the mean (k) and of the direction of x (l). Moments are a
    /// channel's own.
    ///
    /// With p = a·dy, M and V the mean and variance of x over the step (variance between groups included):
    /// dx = p − k·mean(p) − (1 − k)·step mean(p) − l·(x − m)·mean(p·(x − m)) / v − (1 − l)·(x − M)·step mean(p·(x − M)) / V.
    /// Σ dx over the step is 0, and Σ x·dx (but for ε).
    case mixed
}
