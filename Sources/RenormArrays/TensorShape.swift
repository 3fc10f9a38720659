/// The extents of an array along each axis, outermost first. A scalar has rank 0 and one element.
///
/// Images are `[N, H, W, C]`: batch, height, width, channels.
public struct TensorShape: Hashable, Sendable, Codable {
    /// The extent along each axis.
    public var dimensions: [Int]

    /// Makes a shape from its extents, outermost axis first.
    public init(_ dimensions: [Int]) {
        self.dimensions = dimensions
    }

    /// The shape of a single value.
    public static let scalar = TensorShape([])

    /// The number of axes.
    public var rank: Int { dimensions.count }

    /// The number of elements: the product of all extents, 1 for a scalar. It must be an `Int`, as it is for every shape
    /// without a `fault`.
    public var elementCount: Int { dimensions.reduce(1, *) }

    /// The distance, in elements, between neighbours along each axis of a contiguous array.
    public var strides: [Int] {
        var strides = [Int](repeating: 1, count: rank)
        var step = 1
        for axis in dimensions.indices.reversed() {
            strides[axis] = step
            step *= dimensions[axis]
        }
        return strides
    }

    /// The extent along `axis`; negative axes count from the end.
    public subscript(axis: Int) -> Int {
        get { dimensions[axis < 0 ? rank + axis : axis] }
        set { dimensions[axis < 0 ? rank + axis : axis] = newValue }
    }

    /// The shape that both operands of an elementwise operation are stretched to, by NumPy's rule: aligned at the
    /// last axis, extents must be equal or one of them 1. `nil` if they do not fit.
    public func broadcast(with other: TensorShape) -> TensorShape? {
        var result: [Int] = []
        for back in 1...Swift.max(rank, other.rank, 1) {
            let mine = back <= rank ? self[-back] : 1
            let theirs = back <= other.rank ? other[-back] : 1
            guard mine == theirs || mine == 1 || theirs == 1 else { return nil }
            result.append(mine == 1 ? theirs : mine)
        }
        return TensorShape(Array(result.reversed().suffix(Swift.max(rank, other.rank))))
    }

    /// The shape without the given axes.
    public func removing(axes: [Int]) -> TensorShape {
        TensorShape(dimensions.indices.filter { !axes.contains($0) }.map { dimensions[$0] })
    }
}

extension TensorShape: Checkable {
    /// The most elements of a shape, an extent of 0 counted as 1: so many are terabytes, and no product of extents, sizes of
    /// elements and another shape's extents that is made of them comes near 2⁶³.
    package static let largestElementCount = 1 << 40
    /// The most axes.
    package static let largestRank = 32

    /// What is wrong with a shape that comes from outside: a file, an option, a layer on an image of any size.
    package var fault: Fault? {
        guard rank <= TensorShape.largestRank else {
            return Fault("a shape of \(rank) axes", "at most \(TensorShape.largestRank)")
        }
        var count = 1
        for extent in dimensions {
            guard extent >= 0 else { return Fault("the shape \(self)", "extents of at least 0") }
            let (product, overflow) = count.multipliedReportingOverflow(by: Swift.max(extent, 1))
            guard !overflow, product <= TensorShape.largestElementCount else {
                return Fault("the shape \(self)", "extents whose product is at most 2^40")
            }
            count = product
        }
        return nil
    }
}

extension TensorShape: ExpressibleByArrayLiteral, CustomStringConvertible {
    /// Makes a shape from a literal such as `[64, 28, 28, 1]`.
    public init(arrayLiteral elements: Int...) {
        self.init(elements)
    }

    /// The shape as `[64, 28, 28, 1]`.
    public var description: String { "[" + dimensions.map(String.init).joined(separator: ", ") + "]" }

    /// A shape is coded as its list of extents.
    ///
    /// - Throws: `DecodingError` also for a shape that no array can have.
    public init(from decoder: any Decoder) throws {
        dimensions = try decoder.singleValueContainer().decode([Int].self)
        try requireNoFault(decoder)
    }

    /// A shape is coded as its list of extents.
    public func encode(to encoder: any Encoder) throws {
        var container = encoder.singleValueContainer()
        try container.encode(dimensions)
    }
}
