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
    private let dictionaries: PickledDictionaries

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
        (self.path, dictionaries) = (path, PickledDictionaries(heap))
        guard let top = dictionaries.members(of: root) else {
            throw none("it holds \(kind(root)), which is no dictionary")
        }
        var (way, others, value) = ([String](), [String](), root)
        if let name {
            value = top[name] ?? .none
            guard dictionaries.hasTensors(value) else {
                throw none("there are no tensors under \"\(name)\"; it has \(listed(top.keys.elements))")
            }
            way = [name]
        }
        // As deep as anybody nests them.
        while way.count < 4, let (key, besides) = try container(in: value) {
            others += besides
            way.append(key)
            value = dictionaries.members(of: value)![key]!
        }
        let members = dictionaries.members(of: value)!
        try take(members)
        guard !entries.isEmpty else { throw none("it has \(listed(members.keys.elements)), but no tensors") }
        if let first = way.first {
            let rest = top.keys.elements.filter { $0 != first && !others.contains($0) }
            remarks.insert(
                "The weights were found under \"\(way.reversed().joined(separator: "\" of \""))\"."
                    + (others.isEmpty
                        ? "" : " There are others under \(listed(others)), which were left out.")
                    + (rest.isEmpty ? "" : " Beside them the file has \(listed(rest))."), at: 0)
        }
        removePrefixes()
        sayTypes()
    }

    /// Under which name of a checkpoint its state dictionary is, and under which others there are more; `nil` if the checkpoint is
    /// one itself.
    private func container(in value: PickleValue) throws -> (String, others: [String])? {
        let members = dictionaries.members(of: value)!
        let inside = members.keys.elements.filter { dictionaries.hasTensors(members[$0]!) }
        let usual = StateDictionary.usualNames.filter(Set(inside).contains)
        if let first = usual.first { return (first, Array(usual.dropFirst())) }
        // Under a name of its own, if there is but one. A tensor beside it, such as the state of random numbers, is none of it.
        let count = dictionaries.tensorCount(of: value)
        let larger = inside.filter { dictionaries.tensorCount(of: members[$0]!) > count }
        guard larger.count > 1 else { return larger.first.map { ($0, inside.filter { $0 != larger[0] }) } }
        throw none("there are tensors under \(listed(larger)), and none of these is a usual name")
    }

    private mutating func take(_ members: OrderedDictionary<String, PickleValue>) throws {
        var leftOut: [String] = []
        for (name, value) in members {
            guard case .object(let place) = value else {
                leftOut.append(name)
                continue
            }
            switch dictionaries.heap[place] {
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
            remarks.append(
                "\(listed(leftOut)) \(leftOut.count == 1 ? "is no tensor and was" : "are no tensors and were") left out."
            )
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
        case .object(let place): dictionaries.heap[place].kind
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
