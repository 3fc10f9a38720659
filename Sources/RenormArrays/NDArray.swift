/// An n-dimensional array: a shape, an element type and contiguous values, last axis fastest.
///
/// It is a value: copies share their storage until one of them is written to.
///
///     var x = NDArray([1, 2, 3, 4, 5, 6] as [Float], shape: [2, 3])
///     x.withMutableValues(of: Float.self) { $0[0] = 7 }
///     x.values(of: Float.self)  // [7, 2, 3, 4, 5, 6]
public struct NDArray: Sendable {
    /// The extents.
    public private(set) var shape: TensorShape
    /// The type of the elements.
    public let type: ElementType
    private var storage: Storage

    /// An array of zeros.
    public init(zeros shape: TensorShape, type: ElementType = .f32) {
        self.init(uninitialized: shape, type: type)
        storage.bytes.initializeMemory(as: UInt8.self, repeating: 0)
    }

    /// An array whose bytes are whatever the memory held: for callers that write all of them at once.
    public init(uninitialized shape: TensorShape, type: ElementType = .f32) {
        self.shape = shape
        self.type = type
        storage = Storage(byteCount: shape.elementCount * type.byteCount)
    }

    /// An array with the given values in row order. Their number must be the shape's.
    public init<Element: ArrayElement>(_ values: [Element], shape: TensorShape) {
        precondition(
            values.count == shape.elementCount,
            "\(values.count) values do not fill an array of shape \(shape) (\(shape.elementCount) elements)")
        self.init(uninitialized: shape, type: Element.elementType)
        values.withUnsafeBytes { storage.bytes.copyMemory(from: $0) }
    }

    /// An array with the same value everywhere.
    public init<Element: ArrayElement>(repeating value: Element, shape: TensorShape) {
        self.init([Element](repeating: value, count: shape.elementCount), shape: shape)
    }

    /// An array of rank 0.
    public init<Element: ArrayElement>(scalar value: Element) {
        self.init([value], shape: .scalar)
    }

    /// The number of elements.
    public var elementCount: Int { shape.elementCount }

    /// The size of the values in bytes.
    public var byteCount: Int { elementCount * type.byteCount }
}

extension NDArray {
    /// Calls `body` with the values' memory.
    @inlinable
    public func withUnsafeBytes<Result>(_ body: (UnsafeRawBufferPointer) throws -> Result) rethrows -> Result
    {
        try body(UnsafeRawBufferPointer(storageForReading))
    }

    /// Calls `body` with the values' memory for writing, copied before if another array shares it.
    @inlinable
    public mutating func withUnsafeMutableBytes<Result>(
        _ body: (UnsafeMutableRawBufferPointer) throws -> Result
    ) rethrows -> Result {
        try body(storageForWriting())
    }

    @usableFromInline var storageForReading: UnsafeMutableRawBufferPointer { storage.bytes }

    @usableFromInline
    mutating func storageForWriting() -> UnsafeMutableRawBufferPointer {
        if !isKnownUniquelyReferenced(&storage) {
            storage = Storage(copying: storage)
        }
        return storage.bytes
    }

    /// Calls `body` with the values, whose type must be the array's.
    @inlinable
    public func withValues<Element: ArrayElement, Result>(
        of element: Element.Type, _ body: (UnsafeBufferPointer<Element>) throws -> Result
    ) rethrows -> Result {
        precondition(type == Element.elementType, "an array of \(type) was read as \(Element.elementType)")
        return try withUnsafeBytes { try body($0.bindMemory(to: Element.self)) }
    }

    /// Calls `body` with the values for writing; their type must be the array's.
    @inlinable
    public mutating func withMutableValues<Element: ArrayElement, Result>(
        of element: Element.Type, _ body: (UnsafeMutableBufferPointer<Element>) throws -> Result
    ) rethrows -> Result {
        precondition(type == Element.elementType, "an array of \(type) was written as \(Element.elementType)")
        return try withUnsafeMutableBytes { try body($0.bindMemory(to: Element.self)) }
    }

    /// The values in row order, whose type must be the array's.
    @inlinable
    public func values<Element: ArrayElement>(of element: Element.Type) -> [Element] {
        withValues(of: element) { Array($0) }
    }

    /// The values as `Float`, converted if need be.
    public var floats: [Float] { converted(to: .f32).values(of: Float.self) }

    /// The values as `Double`, converted if need be.
    public var doubles: [Double] { converted(to: .f64).values(of: Double.self) }
}

extension NDArray {
    /// The same values in the same order under another shape with as many elements.
    public func reshaped(to shape: TensorShape) -> NDArray {
        precondition(
            shape.elementCount == elementCount,
            "an array of shape \(self.shape) (\(elementCount) elements) cannot take the shape \(shape)")
        var result = self
        result.shape = shape
        return result
    }

    /// The array with its axes in another order: axis `i` of the result is axis `permutation[i]` of this one.
    public func transposed(_ permutation: [Int]) -> NDArray {
        precondition(
            permutation.sorted() == Array(0..<shape.rank), "\(permutation) is no order of \(shape.rank) axes")
        let target = TensorShape(permutation.map { shape[$0] })
        let sourceStrides = permutation.map { shape.strides[$0] * type.byteCount }
        var result = NDArray(uninitialized: target, type: type)
        let size = type.byteCount
        withUnsafeBytes { source in
            result.withUnsafeMutableBytes { destination in
                var index = [Int](repeating: 0, count: target.rank)
                var offset = 0
                for position in 0..<target.elementCount {
                    for byte in 0..<size { destination[position * size + byte] = source[offset + byte] }
                    var axis = target.rank - 1
                    while axis >= 0 {
                        index[axis] += 1
                        offset += sourceStrides[axis]
                        if index[axis] < target[axis] { break }
                        offset -= sourceStrides[axis] * target[axis]
                        index[axis] = 0
                        axis -= 1
                    }
                }
            }
        }
        return result
    }

    /// Arrays of one type, and of one shape but for their first axis, one after another along it.
    public init(joining parts: [NDArray]) {
        guard let first = parts.first else { preconditionFailure("no arrays to join") }
        var dimensions = first.shape.dimensions
        for part in parts {
            precondition(
                part.type == first.type && part.shape.rank > 0
                    && part.shape.dimensions.dropFirst() == dimensions.dropFirst(),
                "\(part.type)\(part.shape) cannot follow \(first.type)\(first.shape)")
        }
        dimensions[0] = parts.reduce(0) { $0 + $1.shape[0] }
        self.init(uninitialized: TensorShape(dimensions), type: first.type)
        withUnsafeMutableBytes { target in
            var place = 0
            for part in parts {
                part.withUnsafeBytes {
                    UnsafeMutableRawBufferPointer(rebasing: target[place..<place + $0.count]).copyMemory(
                        from: $0)
                    place += $0.count
                }
            }
        }
    }

    /// Examples `range` along the first axis.
    public func rows(_ range: Range<Int>) -> NDArray {
        precondition(
            shape.rank > 0 && range.lowerBound >= 0 && range.upperBound <= shape[0],
            "rows \(range) of an array of shape \(shape)")
        var dimensions = shape.dimensions
        dimensions[0] = range.count
        var result = NDArray(uninitialized: TensorShape(dimensions), type: type)
        let rowBytes = shape[0] == 0 ? 0 : byteCount / shape[0]
        withUnsafeBytes { source in
            result.withUnsafeMutableBytes {
                $0.copyMemory(
                    from: UnsafeRawBufferPointer(
                        rebasing: source[range.lowerBound * rowBytes..<range.upperBound * rowBytes]))
            }
        }
        return result
    }

    /// The values converted to another type: rounded to the nearest, integers truncated and saturated.
    public func converted(to target: ElementType) -> NDArray {
        if target == type { return self }
        switch type {
        case .f32: return convert(from: Float.self, to: target)
        case .f64: return convert(from: Double.self, to: target)
        case .bf16: return convert(from: BFloat16.self, to: target)
        case .i32: return convert(from: Int32.self, to: target)
        case .i64: return convert(from: Int64.self, to: target)
        case .u8: return convert(from: UInt8.self, to: target)
        }
    }

    private func convert<Source: ArrayElement>(from source: Source.Type, to target: ElementType) -> NDArray {
        switch target {
        case .f32: return convert(from: source, to: Float.self)
        case .f64: return convert(from: source, to: Double.self)
        case .bf16: return convert(from: source, to: BFloat16.self)
        case .i32: return convert(from: source, to: Int32.self)
        case .i64: return convert(from: source, to: Int64.self)
        case .u8: return convert(from: source, to: UInt8.self)
        }
    }

    private func convert<Source: ArrayElement, Target: ArrayElement>(
        from source: Source.Type, to target: Target.Type
    ) -> NDArray {
        var result = NDArray(uninitialized: shape, type: Target.elementType)
        withValues(of: source) { from in
            result.withMutableValues(of: target) { to in
                for index in from.indices { to[index] = Target(nearestTo: from[index].asDouble) }
            }
        }
        return result
    }
}

extension NDArray: Equatable {
    /// Whether shape, type and every bit are the same (so NaN equals itself, and 0 differs from −0).
    public static func == (left: NDArray, right: NDArray) -> Bool {
        guard left.shape == right.shape, left.type == right.type else { return false }
        return left.withUnsafeBytes { a in
            right.withUnsafeBytes { b in
                a.elementsEqual(b)
            }
        }
    }
}

extension NDArray: CustomStringConvertible {
    /// The shape, the type and the first values.
    public var description: String {
        let shown = 8
        let head =
            (elementCount == 0 ? self : reshaped(to: [elementCount]).rows(0..<min(shown, elementCount)))
        let values = head.doubles.map { "\($0)" }.joined(separator: ", ")
        return "\(type)\(shape) [\(values)\(elementCount > shown ? ", …" : "")]"
    }
}

/// Memory of an array, 64-byte aligned for the widest vectors. Only `NDArray` writes to it, and only when unshared.
private final class Storage: @unchecked Sendable {
    let bytes: UnsafeMutableRawBufferPointer

    init(byteCount: Int) {
        bytes = UnsafeMutableRawBufferPointer.allocate(byteCount: byteCount, alignment: 64)
    }

    convenience init(copying other: Storage) {
        self.init(byteCount: other.bytes.count)
        bytes.copyMemory(from: UnsafeRawBufferPointer(other.bytes))
    }

    deinit { bytes.deallocate() }
}

extension NDArray {
    /// Whether no floating-point number in it is NaN or infinite.
    package var isFinite: Bool {
        switch type {
        case .f32: withValues(of: Float.self) { $0.allSatisfy(\.isFinite) }
        case .f64: withValues(of: Double.self) { $0.allSatisfy(\.isFinite) }
        default: !type.isFloatingPoint || doubles.allSatisfy(\.isFinite)
        }
    }
}
