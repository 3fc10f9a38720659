import RenormArrays

extension Tensor {
    // MARK: Arithmetic

    /// a + b.
    public static func + (a: Tensor, b: Tensor) throws -> Tensor { try binary(.add, a, b) }
    /// a − b.
    public static func - (a: Tensor, b: Tensor) throws -> Tensor { try binary(.subtract, a, b) }
    /// a · b, element by element.
    public static func * (a: Tensor, b: Tensor) throws -> Tensor { try binary(.multiply, a, b) }
    /// a / b, element by element.
    public static func / (a: Tensor, b: Tensor) throws -> Tensor { try binary(.divide, a, b) }
    /// a + b.
    public static func + (a: Tensor, b: Double) throws -> Tensor { try a + a.builder.constant(b) }
    /// a − b.
    public static func - (a: Tensor, b: Double) throws -> Tensor { try a - a.builder.constant(b) }
    /// a · b.
    public static func * (a: Tensor, b: Double) throws -> Tensor { try a * a.builder.constant(b) }
    /// a / b.
    public static func / (a: Tensor, b: Double) throws -> Tensor { try a / a.builder.constant(b) }
    /// a + b.
    public static func + (a: Double, b: Tensor) throws -> Tensor { try b.builder.constant(a) + b }
    /// a − b.
    public static func - (a: Double, b: Tensor) throws -> Tensor { try b.builder.constant(a) - b }
    /// a · b.
    public static func * (a: Double, b: Tensor) throws -> Tensor { try b.builder.constant(a) * b }
    /// a / b.
    public static func / (a: Double, b: Tensor) throws -> Tensor { try b.builder.constant(a) / b }
    /// −x.
    public static prefix func - (x: Tensor) -> Tensor { x.unary(.negate) }

    /// The larger of this and another; NaN if one of them is.
    public func maximum(_ other: Tensor) throws -> Tensor { try Tensor.binary(.maximum, self, other) }
    /// The smaller of this and another; NaN if one of them is.
    public func minimum(_ other: Tensor) throws -> Tensor { try Tensor.binary(.minimum, self, other) }
    /// The value limited to `low`…`high`.
    public func clipped(_ low: Tensor, _ high: Tensor) throws -> Tensor { try maximum(low).minimum(high) }
    /// This to the power of another.
    public func power(_ exponent: Tensor) throws -> Tensor { try Tensor.binary(.power, self, exponent) }
    /// x².
    public func squared() throws -> Tensor { try self * self }

    // MARK: Functions

    /// A function of each element.
    public func unary(_ function: Unary) -> Tensor { builder.append(.unary(function), [id], shape, type) }
    /// √x.
    public func squareRoot() -> Tensor { unary(.sqrt) }
    /// 1 / √x.
    public func reciprocalSquareRoot() -> Tensor { unary(.rsqrt) }
    /// eˣ.
    public func exponential() -> Tensor { unary(.exp) }
    /// The natural logarithm.
    public func logarithm() -> Tensor { unary(.log) }
    /// 1 / (1 + e⁻ˣ).
    public func sigmoid() -> Tensor { unary(.logistic) }
    /// The hyperbolic tangent.
    public func tanh() -> Tensor { unary(.tanh) }
    /// The error function.
    public func errorFunction() -> Tensor { unary(.erf) }
    /// |x|.
    public func magnitude() -> Tensor { unary(.abs) }
    /// max(x, 0).
    public func relu() -> Tensor { builder.append(.activation(.relu), [id], shape, type) }
    /// min(max(x, 0), 6).
    public func relu6() -> Tensor { builder.append(.activation(.relu6), [id], shape, type) }
    /// x · sigmoid(x).
    public func silu() throws -> Tensor { try self * sigmoid() }
    /// x · Φ(x), Φ the distribution function of the standard normal distribution.
    public func gelu() throws -> Tensor {
        // As u + u · erf(u) with u = x/√2, so that −∞ gives NaN by the product alone.
        let u = try self * 0.5.squareRoot()
        return try (u * u.errorFunction() + u) * 0.5.squareRoot()
    }
    /// relu6(x + 3) / 6: a sigmoid of straight lines, with slope 1/6 between −3 and 3 (Howard et al. 2019).
    public func hardSigmoid() throws -> Tensor { try (self + 3).relu6() * (1.0 / 6) }
    /// x · relu6(x + 3) / 6 (Howard et al. 2019).
    public func hardSwish() throws -> Tensor { try self * (self + 3).relu6() * (1.0 / 6) }

    // MARK: Choice

    /// 1 where the comparison with another holds, else 0.
    public func compare(_ comparison: Comparison, _ other: Tensor) throws -> Tensor {
        let (a, b) = try Tensor.stretched(fitting(other), other.fitting(self), .compare(comparison))
        return try builder.infer(.compare(comparison), [a, b])
    }

    /// `yes` where this is not 0, else `no`.
    public func select(_ yes: Tensor, _ no: Tensor) throws -> Tensor {
        let (a, b) = try Tensor.stretched(yes.fitting(no), no.fitting(yes), .select)
        let (mask, stretched) = try Tensor.stretched(self, a, .select)
        return try builder.infer(
            .select, [mask, stretched, try b.broadcast(to: stretched.shape)], type: stretched.type)
    }

    // MARK: Gradients and rewrites

    /// The value, as a constant to differentiation.
    public func stoppingGradient() -> Tensor { builder.append(.stopGradient, [id], shape, type) }
    /// The value, which no rewrite looks through.
    public func barrier() -> Tensor { builder.append(.barrier, [id], shape, type) }
    /// The values in another element type.
    public func converted(to type: ElementType) -> Tensor {
        type == self.type ? self : builder.append(.convert, [id], shape, type)
    }

    /// A single number takes the type of what it is combined with.
    private func fitting(_ other: Tensor) -> Tensor {
        let isNumber = shape == .scalar && type == .f32 && other.type == .bf16
        return isNumber ? converted(to: .bf16) : self
    }

    static func binary(_ function: Binary, _ a: Tensor, _ b: Tensor) throws -> Tensor {
        let (left, right) = try stretched(a.fitting(b), b.fitting(a), .binary(function))
        return try a.builder.infer(.binary(function), [left, right])
    }

    private static func stretched(_ a: Tensor, _ b: Tensor, _ op: Op) throws -> (Tensor, Tensor) {
        guard let shape = a.shape.broadcast(with: b.shape) else {
            throw GraphError.shapes(
                operation: op.name, path: a.builder.path, found: [a.shape, b.shape],
                expected: "equal extents, or 1, along each axis counted from the last")
        }
        return (try a.broadcast(to: shape), try b.broadcast(to: shape))
    }
}
