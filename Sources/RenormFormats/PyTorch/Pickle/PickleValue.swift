/// A value that a pickle makes.
///
/// What can hold others lies in one list, the machine's heap, and is known by its place there. So a list that holds itself, or
/// one inside another a million times, is nothing special, and nothing is ever copied for being used often.
enum PickleValue {
    case none
    case bool(Bool)
    case integer(Int)
    case float(Double)
    case text(String)
    /// A place in the heap.
    case object(Int)
}

/// What lies in a pickle machine's heap.
enum PickleObject {
    case list([PickleValue])
    case tuple([PickleValue])
    case set([PickleValue])
    /// Keys and values in turn.
    case dictionary([PickleValue])
    case bytes([UInt8])
    case global(PickleGlobal)
    case storage(PickledStorage)
    case tensor(TensorView)
    case numpyType(NumpyType)
    case numpyArray(NumpyArray)
    /// Something whose content no weights need, such as a date.
    case other(String)
}

extension PickleObject {
    /// How much memory it has, in values.
    var size: Int {
        switch self {
        case .list(let items), .tuple(let items), .set(let items), .dictionary(let items): items.count
        case .bytes(let bytes): bytes.count / MemoryLayout<PickleValue>.size
        case .tensor(let view): 8 + 4 * view.shape.rank
        default: 8
        }
    }

    /// What it is, for messages.
    var kind: String {
        switch self {
        case .list(let items): "a list of \(items.count)"
        case .tuple(let items): "a tuple of \(items.count)"
        case .set(let items): "a set of \(items.count)"
        case .dictionary(let items): "a dictionary of \(items.count / 2)"
        case .bytes(let bytes): "\(bytes.count) bytes"
        case .global: "a type"
        case .storage: "a storage"
        case .tensor(let view): "a tensor of shape \(view.shape)"
        case .numpyType: "a type of NumPy's"
        case .numpyArray(let array): "an array of shape \(array.shape)"
        case .other(let name): "a value of \(name)"
        }
    }
}
