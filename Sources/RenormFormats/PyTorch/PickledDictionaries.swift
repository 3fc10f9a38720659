import OrderedCollections

/// The dictionaries in a pickle machine's heap, each looked at once however often it is used.
final class PickledDictionaries {
    let heap: [PickleObject]
    private var members: [Int: OrderedDictionary<String, PickleValue>] = [:]
    private var answers: [Int: Bool] = [:]

    init(_ heap: [PickleObject]) { self.heap = heap }

    /// The members of a dictionary whose keys are texts; `nil` for what is no dictionary.
    func members(of value: PickleValue) -> OrderedDictionary<String, PickleValue>? {
        guard case .object(let place) = value, case .dictionary(let items) = heap[place] else { return nil }
        if let known = members[place] { return known }
        var found: OrderedDictionary<String, PickleValue> = [:]
        for index in stride(from: 0, to: items.count, by: 2) {
            if case .text(let key) = items[index] { found[key] = items[index + 1] }
        }
        members[place] = found
        return found
    }

    /// How many tensors a dictionary has itself.
    func tensorCount(of value: PickleValue) -> Int { members(of: value)?.values.count(where: isTensor) ?? 0 }

    /// Whether there are tensors in a dictionary, or in one inside it under a usual name.
    func hasTensors(_ value: PickleValue, depth: Int = 0) -> Bool {
        guard depth < 8, case .object(let place) = value, let members = members(of: value) else {
            return false
        }
        if let known = answers[place] { return known }
        // One that is inside itself adds nothing.
        answers[place] = false
        let answer =
            members.values.contains(where: isTensor)
            || StateDictionary.usualNames.contains { name in
                members[name].map { hasTensors($0, depth: depth + 1) } ?? false
            }
        answers[place] = answer
        return answer
    }

    private func isTensor(_ value: PickleValue) -> Bool {
        guard case .object(let place) = value else { return false }
        switch heap[place] {
        case .tensor: return true
        case .numpyArray(let array): return array.shape.rank > 0
        default: return false
        }
    }
}
