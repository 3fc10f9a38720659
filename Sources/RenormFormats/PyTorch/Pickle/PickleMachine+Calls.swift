/// What a pickle wants called, understood in place of being run.
extension PickleMachine {
    /// What a name stands for.
    ///
    /// - Throws: `FormatError.forbiddenGlobal` for each that is not known.
    func global(_ module: String, _ name: String) throws -> PickleGlobal {
        if let global = PickleGlobal(module: module, name: name) { return global }
        // Long names would fill the screen.
        throw FormatError.forbiddenGlobal(
            path: input.path, name: String("\(module).\(name)".prefix(200)),
            remedy: PickleGlobal.remedy(for: module, name))
    }

    /// What a call gives.
    mutating func call(_ global: PickleGlobal, _ arguments: [PickleValue]) throws -> PickleValue {
        switch global {
        case .dictionary: return try allocate(.dictionary(items(arguments.first, arePairs: true)))
        case .list: return try allocate(.list(items(arguments.first)))
        case .tuple: return try allocate(.tuple(items(arguments.first)))
        case .set: return try allocate(.set(items(arguments.first)))
        case .text:
            guard case .text(let text)? = arguments.first else { return .text("") }
            return .text(text)
        case .bytes:
            guard let first = arguments.first, case .object(let place) = first,
                case .bytes(let bytes) = heap[place]
            else { return try allocate(.bytes([])) }
            return try allocate(.bytes(bytes))
        case .bytesOfText:
            guard case .text(let text)? = arguments.first else {
                throw malformed("bytes are made of no text")
            }
            let bytes = text.unicodeScalars.map { UInt8(exactly: $0.value) }
            guard !bytes.contains(nil) else { throw malformed("a text for bytes has other characters") }
            return try allocate(.bytes(bytes.compactMap { $0 }))
        case .other(let name): return try allocate(.other(name))
        case .reconstructor:
            guard let first = arguments.first, case .object(let place) = first,
                case .global(.other(let name)) = heap[place]
            else { throw malformed("a value of no class is made") }
            return try allocate(.other(name))
        case .tensor, .tensor2, .tensor3: return try tensor(global, arguments)
        case .parameter:
            guard let data = arguments.first, case .tensor = try object(data) else {
                throw malformed("a parameter is no tensor")
            }
            return data
        case .typedTensor:
            guard arguments.count == 4, case .global(let function) = try object(arguments[0]),
                case .global(.tensorClass) = try object(arguments[1])
            else { throw malformed("a tensor is of no known class") }
            switch function {
            case .tensor, .tensor2, .tensor3, .parameter: return try call(function, tuple(arguments[2]))
            default: throw malformed("a tensor is made by what makes none")
            }
        case .numpyType: return try allocate(.numpyType(numpyType(arguments)))
        case .numpyScalar: return try numpyScalar(arguments)
        case .numpyArray:
            return try allocate(
                .numpyArray(NumpyArray(type: nil, shape: [0], isColumnMajor: false, bytes: [])))
        case .numpyArrayOfBytes: return try numpyArray(ofBytes: arguments)
        case .tensorClass, .storage, .elementType, .numpyArrayClass:
            throw malformed("a type is called that is none to call")
        }
    }

    /// What containers are made of: nothing, or another container; of a list of pairs or a dictionary its keys and values in turn.
    private func items(_ value: PickleValue?, arePairs: Bool = false) throws -> [PickleValue] {
        guard let value, case .object(let place) = value else { return [] }
        switch heap[place] {
        case .dictionary(let items) where arePairs: return items
        // What is missing from a dictionary is made by it; there is none missing.
        case .global where arePairs: return []
        case .list(let items), .tuple(let items), .set(let items):
            guard arePairs else { return items }
            return try items.flatMap { item in
                switch try object(item) {
                case .list(let pair) where pair.count == 2: pair
                case .tuple(let pair) where pair.count == 2: pair
                default: throw malformed("a dictionary is made of what are no pairs")
                }
            }
        default: throw malformed("a container is made of \(heap[place].kind)")
        }
    }

    /// Gives a value the state that was saved of it.
    mutating func build(_ value: PickleValue, _ state: PickleValue) throws {
        switch try object(value) {
        // Of these the state is only what was noted on them.
        case .dictionary, .list, .set, .other: return
        case .numpyType(var type):
            try type.set(state: tuple(state), in: self)
            replace(value, by: .numpyType(type))
        case .numpyArray:
            replace(value, by: .numpyArray(try numpyArray(state: tuple(state))))
        case let object: throw malformed("\(object.kind) is given a state")
        }
    }
}
