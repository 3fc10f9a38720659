import RenormArrays

/// A tensor as a file has it: numbers of a storage, by a stride along each axis, all of which are inside the storage.
struct TensorView: Hashable {
    let storage: PickledStorage.Root
    /// What its numbers are; the name of the type where it is none that is read.
    let type: StoredType?
    let typeName: String
    let shape: TensorShape
    /// From one number to the next along each axis, in numbers; 0 along axes of one.
    let strides: [Int]
    /// The first number's first byte in the storage.
    let start: Int

    /// What is wrong with a view, in words.
    struct Fault: Error {
        var text: String
    }

    /// Makes a view of a storage.
    ///
    /// - Parameters:
    ///   - offset: of the first number, in numbers.
    /// - Throws: `Fault` for one that needs numbers that the storage has not.
    init(
        _ storage: PickledStorage, type: (StoredType?, name: String), offset: Int, sizes: [Int],
        strides: [Int]
    ) throws {
        shape = TensorShape(sizes)
        if let fault = shape.fault { throw Fault(text: "it has \(fault.found), expected \(fault.expected)") }
        guard sizes.count == strides.count else {
            throw Fault(text: "it has \(sizes.count) sizes and \(strides.count) strides")
        }
        guard offset >= 0, strides.allSatisfy({ $0 >= 0 }) else {
            throw Fault(text: "it has a negative offset or stride")
        }
        (self.storage, self.type, typeName) = (storage.root, type.0, type.name)
        self.strides = zip(sizes, strides).map { $0 > 1 ? $1 : 0 }
        let unit = type.0?.byteCount ?? storage.kind.unit
        // One more than the last number's place.
        var end = offset.addingReportingOverflow(shape.elementCount == 0 ? 0 : 1)
        for (size, stride) in zip(sizes, self.strides) where shape.elementCount > 0 {
            let reach = (size - 1).multipliedReportingOverflow(by: stride)
            let sum = end.partialValue.addingReportingOverflow(reach.partialValue)
            end = (sum.partialValue, end.overflow || reach.overflow || sum.overflow)
        }
        let bytes = end.partialValue.multipliedReportingOverflow(by: unit)
        guard !end.overflow, !bytes.overflow, bytes.partialValue <= storage.bytes.count else {
            throw Fault(
                text: "its shape \(shape), strides \(strides) and offset \(offset) need more than the "
                    + "\(storage.bytes.count) bytes that its storage has")
        }
        start = storage.bytes.lowerBound + offset * unit
        // No number may lie in two pieces of what is read.
        guard start.isMultiple(of: unit) else { throw Fault(text: "it begins inside a number") }
    }

    /// A view of all of some bytes, such as those of an array of NumPy's.
    init(allOf byteCount: Int, type: StoredType, shape: TensorShape, strides: [Int]) {
        storage = PickledStorage.Root(key: "", byteCount: byteCount, unit: type.byteCount, isMeta: false)
        (self.type, typeName, self.shape, start) = (type, "\(type)", shape, 0)
        self.strides = zip(shape.dimensions, strides).map { $0 > 1 ? $1 : 0 }
    }

    /// The bytes that its numbers take in a file, if each is there once.
    var byteCount: Int { shape.elementCount * (type?.byteCount ?? 1) }

    /// Whether it is all of its storage, in order, as an array has it.
    var isWhole: Bool {
        guard let type, type.isNative, start == 0, byteCount == storage.byteCount else { return false }
        return zip(shape.strides, zip(shape.dimensions, strides)).allSatisfy { $1.0 <= 1 || $0 == $1.1 }
    }
}

extension PickleMachine {
    /// The tensor that a call makes: `(storage, offset, sizes, strides, …)`, in `_v3` with its type at place 6.
    mutating func tensor(_ function: PickleGlobal, _ arguments: [PickleValue]) throws -> PickleValue {
        let name = nearestText ?? "at byte \(input.position) of \(input.name)"
        guard arguments.count >= 4, case .storage(let storage) = try object(arguments[0]),
            case .integer(let offset) = arguments[1]
        else { throw malformed("a tensor is described wrongly") }
        let (sizes, strides) = (try integers(arguments[2]), try integers(arguments[3]))
        var type = (storage.kind.type, name: storage.kind.name)
        if case .tensor3 = function {
            guard arguments.count >= 7,
                case .global(.elementType(let stored, let name)) = try object(arguments[6])
            else { throw malformed("a tensor has no type") }
            type = (stored, name: name)
        }
        do {
            return try allocate(
                .tensor(TensorView(storage, type: type, offset: offset, sizes: sizes, strides: strides)))
        } catch let fault as TensorView.Fault {
            throw FormatError.malformedTensor(path: input.path, tensor: name, reason: fault.text)
        }
    }

    /// The whole numbers of a tuple or list.
    func integers(_ value: PickleValue) throws -> [Int] {
        let items: [PickleValue]
        switch try object(value) {
        case .tuple(let values), .list(let values): items = values
        default: throw malformed("sizes are no tuple")
        }
        return try items.map {
            guard case .integer(let number) = $0 else { throw malformed("a size is no whole number") }
            return number
        }
    }
}
