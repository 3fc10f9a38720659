/// Makes values from a pickle as Python does, protocols 0 to 5, but runs nothing: where Python would call what a pickle names,
/// this knows the few names that files of weights need, and refuses every other. Sources: CPython's `Lib/pickletools.py` for the
/// operations; PyTorch's `torch/_weights_only_unpickler.py` for the names.
struct PickleMachine {
    var input: PickleInput
    /// All that can hold other values.
    private(set) var heap: [PickleObject] = []
    /// The storages that tensors are views of, by their keys.
    var storages: [String: PickledStorage.Root] = [:]
    private var stack: [PickleValue] = []
    /// The heights of the stack at which marks lie.
    private var marks: [Int] = []
    private var memo: [Int: PickleValue] = [:]
    private var operations = 0

    /// The most values on the stack, and the most operations and objects: far more than any checkpoint has, and no more than a
    /// machine can bear.
    static let deepestStack = 1 << 22
    static let mostOperations = 1 << 24
    static let mostObjects = 1 << 22

    init(_ input: PickleInput) { self.input = input }

    /// Reads the next pickle.
    ///
    /// - Throws: `FormatError.malformedPickle`, `.forbiddenGlobal`, `.malformedTensor`.
    mutating func load() throws -> PickleValue {
        (stack, marks, memo) = ([], [], [:])
        while true {
            operations += 1
            guard operations <= PickleMachine.mostOperations else {
                throw malformed("it has more than \(PickleMachine.mostOperations) operations")
            }
            let code = try input.byte()
            guard let operation = PickleOperation(rawValue: code) else {
                throw malformed("there is no operation \(code)")
            }
            if operation == .stop { return try pop() }
            try perform(operation)
        }
    }

    private mutating func perform(_ operation: PickleOperation) throws {
        switch operation {
        case .stop: preconditionFailure("it ends the loop")
        case .proto:
            let version = try input.byte()
            guard version <= 5 else { throw malformed("protocol \(version) is not known") }
        // Frames say where to read ahead to.
        case .frame: _ = try input.bytes(8)
        case .mark: marks.append(stack.count)
        case .pop:
            if marks.last == stack.count { marks.removeLast() } else { _ = try pop() }
        case .popMark: _ = try popToMark()
        case .dup: try push(top())
        case .none, .newTrue, .newFalse, .int, .long, .long1, .long4, .binInt, .binInt1, .binInt2, .float,
            .binFloat:
            try push(number(operation))
        case .string, .unicode, .binString, .shortBinString, .binUnicode, .shortBinUnicode, .binUnicode8:
            try push(text(operation))
        case .shortBinBytes: try push(bytes(Int(input.byte())))
        case .binBytes: try push(bytes(Int(input.number(UInt32.self))))
        case .binBytes8, .byteArray8: try push(bytes(Int(clamping: input.number(UInt64.self))))
        case .emptyList: try push(.list([]))
        case .emptyTuple: try push(.tuple([]))
        case .emptyDict: try push(.dictionary([]))
        case .emptySet: try push(.set([]))
        case .list: try push(.list(popToMark()))
        case .tuple: try push(.tuple(popToMark()))
        case .frozenSet: try push(.set(popToMark()))
        case .dict: try push(.dictionary(pairs(popToMark())))
        case .tuple1: try push(.tuple(pop(1)))
        case .tuple2: try push(.tuple(pop(2)))
        case .tuple3: try push(.tuple(pop(3)))
        case .append: try append(pop(1))
        case .appends, .addItems: try append(popToMark())
        case .setItem: try append(pop(2), isPairs: true)
        case .setItems: try append(popToMark(), isPairs: true)
        case .put: memorize(try place(input.line()))
        case .binPut: memorize(Int(try input.byte()))
        case .longBinPut: memorize(Int(try input.number(UInt32.self)))
        case .memoize: memorize(memo.count)
        case .get: try push(recalled(place(input.line())))
        case .binGet: try push(recalled(Int(input.byte())))
        case .longBinGet: try push(recalled(Int(input.number(UInt32.self))))
        case .global, .stackGlobal, .reduce, .newObj, .newObjEx, .build, .inst, .obj, .binPersID:
            try make(operation)
        }
        guard stack.count <= PickleMachine.deepestStack else {
            throw malformed("it puts more than \(PickleMachine.deepestStack) values on its stack")
        }
    }

    /// The operations that in Python call something.
    private mutating func make(_ operation: PickleOperation) throws {
        switch operation {
        case .global:
            let module = try text(input.line())
            try push(.global(global(module, text(input.line()))))
        case .stackGlobal:
            guard case .text(let name) = try pop(), case .text(let module) = try pop() else {
                throw malformed("a name is no text")
            }
            try push(.global(global(module, name)))
        case .inst:
            let module = try text(input.line())
            let called = try global(module, text(input.line()))
            try push(call(called, popToMark()))
        case .obj:
            let values = try popToMark()
            guard let first = values.first else { throw malformed("nothing is called") }
            try push(call(callable(first), Array(values.dropFirst())))
        case .reduce, .newObj:
            let values = try pop(2)
            try push(call(callable(values[0]), tuple(values[1])))
        case .newObjEx:
            let values = try pop(3)
            guard case .dictionary(let named) = try object(values[2]), named.isEmpty else {
                throw malformed("something is called with named arguments")
            }
            try push(call(callable(values[0]), tuple(values[1])))
        case .build:
            let state = try pop()
            let value = try top()
            try build(value, state)
        case .binPersID:
            let name = try pop()
            try push(storage(tuple(name)))
        default: preconditionFailure("it calls nothing")
        }
    }

    /// The error for a pickle that is wrong here.
    func malformed(_ reason: String) -> FormatError { input.malformed(reason) }

    // MARK: The stack

    private mutating func push(_ value: PickleValue) { stack.append(value) }

    private mutating func push(_ object: PickleObject) throws { stack.append(try allocate(object)) }

    /// The value on top, above the last mark.
    private func top() throws -> PickleValue {
        guard stack.count > marks.last ?? 0 else { throw malformed("its stack is empty") }
        return stack[stack.count - 1]
    }

    private mutating func pop() throws -> PickleValue {
        let value = try top()
        stack.removeLast()
        return value
    }

    private mutating func pop(_ count: Int) throws -> [PickleValue] {
        guard stack.count - count >= marks.last ?? 0 else { throw malformed("its stack is too short") }
        defer { stack.removeLast(count) }
        return Array(stack.suffix(count))
    }

    private mutating func popToMark() throws -> [PickleValue] {
        guard let mark = marks.popLast() else { throw malformed("there is no mark on its stack") }
        defer { stack.removeLast(stack.count - mark) }
        return Array(stack[mark...])
    }

    /// The text nearest below the top of the stack: where a tensor is made, mostly its name.
    var nearestText: String? {
        for value in stack.reversed().prefix(8) {
            if case .text(let text) = value { return text }
        }
        return nil
    }

    private mutating func memorize(_ place: Int) {
        if let value = stack.last { memo[place] = value }
    }

    private func recalled(_ place: Int) throws -> PickleValue {
        guard let value = memo[place] else { throw malformed("nothing is remembered as \(place)") }
        return value
    }

    // MARK: The heap

    /// Puts an object into the heap.
    mutating func allocate(_ object: PickleObject) throws -> PickleValue {
        guard heap.count < PickleMachine.mostObjects else {
            throw malformed("it makes more than \(PickleMachine.mostObjects) objects")
        }
        heap.append(object)
        return .object(heap.count - 1)
    }

    /// The object that a value is.
    func object(_ value: PickleValue) throws -> PickleObject {
        guard case .object(let place) = value else { throw malformed("a plain value stands where it cannot") }
        return heap[place]
    }

    /// Changes the object that a value is.
    mutating func replace(_ value: PickleValue, by object: PickleObject) {
        if case .object(let place) = value { heap[place] = object }
    }

    /// The values of a tuple.
    func tuple(_ value: PickleValue) throws -> [PickleValue] {
        guard case .object(let place) = value, case .tuple(let items) = heap[place] else {
            throw malformed("something that should be a tuple is none")
        }
        return items
    }

    private func callable(_ value: PickleValue) throws -> PickleGlobal {
        guard case .object(let place) = value, case .global(let global) = heap[place] else {
            throw malformed("something is called that cannot be")
        }
        return global
    }

    /// Adds values, or keys and values in turn, to the container on top of the stack.
    private mutating func append(_ values: [PickleValue], isPairs: Bool = false) throws {
        guard case .object(let place) = try top() else {
            throw malformed("values are added to none that holds any")
        }
        // Taken out of the heap, so that adding does not copy.
        let container = heap[place]
        heap[place] = .other("")
        switch container {
        case .list(var items) where !isPairs:
            items.append(contentsOf: values)
            heap[place] = .list(items)
        case .set(var items) where !isPairs:
            items.append(contentsOf: values)
            heap[place] = .set(items)
        case .dictionary(var items) where isPairs:
            items.append(contentsOf: try pairs(values))
            heap[place] = .dictionary(items)
        default: throw malformed("values are added to \(container.kind)")
        }
    }

    private func pairs(_ values: [PickleValue]) throws -> [PickleValue] {
        guard values.count.isMultiple(of: 2) else { throw malformed("a key has no value") }
        return values
    }
}
