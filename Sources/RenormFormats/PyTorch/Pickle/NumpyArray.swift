import RenormArrays

/// A type of numbers as NumPy names it.
struct NumpyType {
    /// Such as `f4`.
    let name: String
    private(set) var isBigEndian = false

    /// The type of arrays; `nil` if such numbers are not read.
    var type: StoredType? {
        isBigEndian
            ? nil
            : ([
                "f4": .f32, "f8": .f64, "f2": .f16, "i8": .i64, "i4": .i32, "i2": .i16, "i1": .i8, "u1": .u8,
                "u2": .u16, "u4": .u32, "b1": .bool,
            ] as [String: StoredType])[name]
    }

    /// Takes the state that a type is saved with: a version, the order of bytes, and more that plain numbers do not have.
    mutating func set(state: [PickleValue], in machine: PickleMachine) throws {
        guard state.count >= 2, case .text(let order) = state[1] else {
            throw machine.malformed("a type of NumPy's has a wrong state")
        }
        isBigEndian = order == ">"
    }
}

/// An array as NumPy saves it, in the pickle itself.
struct NumpyArray {
    /// `nil` where it holds no plain numbers.
    var type: NumpyType?
    var shape: TensorShape
    /// Whether its first axis is the fastest.
    var isColumnMajor: Bool
    var bytes: [UInt8]

    /// The array; `nil` if its numbers are of a type that is not read.
    var array: NDArray? {
        guard let type = type?.type, bytes.count == shape.elementCount * type.byteCount else { return nil }
        var strides = shape.strides
        if isColumnMajor {
            strides = TensorShape(shape.dimensions.reversed()).strides.reversed()
        }
        var writer = ViewWriter(TensorView(allOf: bytes.count, type: type, shape: shape, strides: strides))
        bytes.withUnsafeBytes { writer.write($0, at: 0) }
        return writer.array
    }
}

extension PickleMachine {
    /// `numpy.dtype(name, …)`.
    func numpyType(_ arguments: [PickleValue]) throws -> NumpyType {
        guard case .text(let name)? = arguments.first else {
            throw malformed("a type of NumPy's has no name")
        }
        return NumpyType(name: name)
    }

    /// `numpy.core.multiarray.scalar(type, bytes)`, which becomes an array without axes.
    mutating func numpyScalar(_ arguments: [PickleValue]) throws -> PickleValue {
        guard arguments.count == 2, case .numpyType(let type) = try object(arguments[0]),
            case .bytes(let bytes) = try object(arguments[1])
        else { return try allocate(.other("numpy.generic")) }
        return try allocate(
            .numpyArray(NumpyArray(type: type, shape: .scalar, isColumnMajor: false, bytes: bytes)))
    }

    /// `_frombuffer(bytes, type, shape, order)`.
    mutating func numpyArray(ofBytes arguments: [PickleValue]) throws -> PickleValue {
        guard arguments.count == 4, case .text(let order) = arguments[3] else {
            throw malformed("an array of NumPy's is described wrongly")
        }
        return try allocate(
            .numpyArray(try numpyArray(shape: arguments[2], type: arguments[1], order == "F", arguments[0])))
    }

    /// An array by the state that it is saved with: `(version, shape, type, whether its first axis is the fastest, bytes)`.
    func numpyArray(state: [PickleValue]) throws -> NumpyArray {
        guard state.count == 5, case .bool(let isColumnMajor) = state[3] else {
            throw malformed("an array of NumPy's is described wrongly")
        }
        return try numpyArray(shape: state[1], type: state[2], isColumnMajor, state[4])
    }

    private func numpyArray(
        shape: PickleValue, type: PickleValue, _ isColumnMajor: Bool, _ content: PickleValue
    ) throws -> NumpyArray {
        let shape = TensorShape(try integers(shape))
        if let fault = shape.fault { throw malformed("an array of NumPy's has \(fault.found)") }
        guard case .numpyType(let type) = try object(type) else { throw malformed("an array has no type") }
        // Other Python values stand in a list.
        guard case .bytes(let bytes) = try object(content) else {
            return NumpyArray(type: nil, shape: shape, isColumnMajor: isColumnMajor, bytes: [])
        }
        if let stored = type.type, bytes.count != shape.elementCount * stored.byteCount {
            throw malformed("an array of NumPy's of shape \(shape) has \(bytes.count) bytes")
        }
        return NumpyArray(type: type, shape: shape, isColumnMajor: isColumnMajor, bytes: bytes)
    }
}
