import OrderedCollections
import RenormArrays

/// The part of a checkpoint that is a network's weights: tensors by name.
struct StateDictionary {
    /// What a name stands for.
    enum Entry {
        case tensor(TensorView)
        case array(NDArray)
    }

    /// The tensors, in the file's order.
    private(set) var entries: OrderedDictionary<String, Entry> = [:]
    /// What was understood on the way, in full sentences.
    private(set) var remarks: [String] = []
    private let path: String
    private let heap: [PickleObject]

    /// The names under which programs keep a state dictionary, the likeliest first.
    static let usualNames = [
        "state_dict", "model_state_dict", "model", "net", "network", "weights", "params", "module",
        "state_dict_ema", "model_ema", "ema_state_dict", "ema",
    ]
    /// What programs put before each name for a network inside another object.
    static let usualPrefixes = ["module.", "_orig_mod.", "model."]

    /// Finds the state dictionary of a checkpoint.
    ///
    /// - Parameter name: the name under which it is; the usual ones are tried otherwise.
    /// - Throws: `FormatError.noStateDictionary`, `.unknownType`.
    init(of root: PickleValue, heap: [PickleObject], under name: String?, path: String) throws {
        (self.path, self.heap) = (path, heap)
        guard var members = members(root) else {
            throw none("it holds \(kind(root)), which is no dictionary")
        }
        var way: [String] = []
        if let name {
            guard let inside = self.members(members[name] ?? .none), hasTensors(inside) else {
                throw none("there are no tensors under \"\(name)\", but it has \(listed(Array(members.keys)))")
            }
            way = [name]
            members = inside
        }
        while let (key, others) = try container(in: members) {
            let beside = members.keys.elements.filter { $0 != key && !others.contains($0) }
            way.append(key)
            remarks.append(
                "The weights were found under \"\(way.joined(separator: "\" in \""))\"."
                    + (others.isEmpty
                        ? "" : " There are others under \(listed(others)), which were left out.")
                    + (beside.isEmpty ? "" : " Beside them the file has \(listed(beside))."))
            members = self.members(members[key]!)!
            // As deep as anybody nests them.
            if way.count == 4 { break }
        }
        try take(members)
        guard !entries.isEmpty else { throw none("it has \(listed(Array(members.keys))), but no tensors") }
        removePrefixes()
        sayTypes()
    }

    /// The members of a dictionary whose keys are texts; `nil` for what is no dictionary.
    private func members(_ value: PickleValue) -> OrderedDictionary<String, PickleValue>? {
        guard case .object(let place) = value, case .dictionary(let items) = heap[place] else { return nil }
        var members: OrderedDictionary<String, PickleValue> = [:]
        for place in stride(from: 0, to: items.count, by: 2) {
            if case .text(let key) = items[place] { members[key] = items[place + 1] }
        }
        return members
    }

    private func isTensor(_ value: PickleValue) -> Bool {
        guard case .object(let place) = value else { return false }
        switch heap[place] {
        case .tensor: return true
        case .numpyArray(let array): return array.shape.rank > 0
        default: return false
        }
    }

    /// Whether there are tensors in a dictionary, or in one inside it under a usual name.
    private func hasTensors(_ members: OrderedDictionary<String, PickleValue>, depth: Int = 0) -> Bool {
        if members.values.contains(where: isTensor) { return true }
        return depth < 3
            && StateDictionary.usualNames.contains { name in
                members[name].flatMap { self.members($0) }.map { hasTensors($0, depth: depth + 1) } ?? false
            }
    }

    /// Under which name of a checkpoint its state dictionary is, and under which others there are more; `nil` if the checkpoint is
    /// one itself.
    private func container(
        in members: OrderedDictionary<String, PickleValue>
    ) throws -> (String, others: [String])? {
        let inside = members.keys.elements.filter { key in self.members(members[key]!).map { hasTensors($0) } ?? false }
        let usual = StateDictionary.usualNames.filter(inside.contains)
        if let first = usual.first { return (first, inside.filter { $0 != first && usual.contains($0) }) }
        // Under a name of its own, if there is but one. A tensor beside it, such as the state of random numbers, is none of it.
        let count = members.values.count(where: isTensor)
        let larger = inside.filter { self.members(members[$0]!)!.values.count(where: isTensor) > count }
        if larger.count == 1 { return (larger[0], inside.filter { $0 != larger[0] }) }
        guard larger.isEmpty else {
            throw none("there are tensors under \(listed(inside)), and none of these is a usual name")
        }
        return nil
    }

    private mutating func take(_ members: OrderedDictionary<String, PickleValue>) throws {
        var leftOut: [String] = []
        for (name, value) in members {
            guard case .object(let place) = value else {
                leftOut.append(name)
                continue
            }
            switch heap[place] {
            case .tensor(let view):
                guard view.type != nil else {
                    throw FormatError.unknownType(path: path, tensor: name, type: view.typeName)
                }
                entries[name] = .tensor(view)
            case .numpyArray(let array):
                guard let value = array.array else {
                    throw FormatError.unknownType(
                        path: path, tensor: name, type: array.type.map(\.name) ?? "Python's objects")
                }
                entries[name] = .array(value)
            default: leftOut.append(name)
            }
        }
        if !leftOut.isEmpty, !entries.isEmpty {
            remarks.append("\(listed(leftOut)) \(leftOut.count == 1 ? "is no tensor and was" : "are no tensors and were") left out.")
        }
    }

    private mutating func removePrefixes() {
        while let prefix = StateDictionary.usualPrefixes.first(where: { prefix in
            entries.keys.allSatisfy { $0.hasPrefix(prefix) && $0.utf8.count > prefix.utf8.count }
        }) {
            entries = OrderedDictionary(
                uniqueKeysWithValues: entries.map { (String($0.key.dropFirst(prefix.count)), $0.value) })
            remarks.append("\"\(prefix)\" was removed before each name.")
        }
    }

    /// Says which types became others.
    private mutating func sayTypes() {
        var counts: [StoredType: Int] = [:]
        for case .tensor(let view) in entries.values { counts[view.type!, default: 0] += 1 }
        for type in StoredType.allCases where !type.isNative {
            guard let count = counts[type] else { continue }
            remarks.append("\(count) tensor\(count == 1 ? "" : "s") of \(type) became \(type.elementType).")
        }
    }

    private func kind(_ value: PickleValue) -> String {
        switch value {
        case .none: "nothing"
        case .bool, .integer, .float: "a number"
        case .text: "a text"
        case .object(let place): heap[place].kind
        }
    }

    private func none(_ found: String) -> FormatError { .noStateDictionary(path: path, found: found) }
}

/// Names in quotes, of many the first few.
func listed(_ names: [String]) -> String {
    guard !names.isEmpty else { return "nothing" }
    let shown = 6
    let quoted = names.prefix(names.count > shown + 1 ? shown : names.count).map { "\"\($0.prefix(80))\"" }
    let rest = names.count - quoted.count
    if rest > 0 { return "\(quoted.joined(separator: ", ")) and \(rest) more" }
    guard quoted.count > 1 else { return quoted[0] }
    return "\(quoted.dropLast().joined(separator: ", ")) and \(quoted[quoted.count - 1])"
}
