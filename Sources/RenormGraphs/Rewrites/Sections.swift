/// A network cut into sections, of which the backward part computes all but the last again, one at a time.
///
/// While it is in a section, memory holds the tensors kept at the cuts up to it, and what the section itself keeps for
/// its gradients. The cuts are those whose largest such sum is the least; among these, the last section is the longest,
/// because it costs no time.
struct Sections {
    /// The activations at the cuts.
    private(set) var kept: Set<Int> = []
    /// The first node of the last section; everything from it on is kept as before.
    private(set) var lastStart = 0

    /// - Parameter passes: What the last section computes again by single passes.
    init(_ forward: ForwardPart, lastSectionKeepsAllBut passes: Set<Int>) {
        let plan = SectionCosts(forward, passes)
        guard plan.count > 0 else { return }
        // The least bound that some choice of cuts keeps.
        var (low, high) = (0, plan.upperBound)
        while low < high {
            let middle = (low + high) / 2
            if plan.choice(within: middle) == nil { low = middle + 1 } else { high = middle }
        }
        // Costs are estimates: what is within a fiftieth of the least counts as good, if it keeps or computes less.
        guard let cuts = plan.choice(within: low + low / 50) else { return }
        kept = Set(cuts)
        lastStart = (cuts.last ?? -1) + 1
    }
}

/// What sections between cuts cost.
private struct SectionCosts {
    /// The cuts: the start, then activations.
    private let cuts: [Int]
    private let sizes: [Int]
    /// For each pair (from, to), `to` excluded, what the section keeps while its backward part runs.
    private let inner: [[Int]]
    /// The same from each cut to the end, in the last section.
    private let last: [Int]

    /// The number of activations at which the network can be cut.
    var count: Int { cuts.count - 1 }
    /// What is kept without any section that is computed again.
    var upperBound: Int { last[0] }

    init(_ forward: ForwardPart, _ passes: Set<Int>) {
        let activations = forward.activations
        let cutNodes = forward.cuts
        cuts = [-1] + cutNodes
        sizes = [0] + cutNodes.map(forward.byteCount)
        var positions = [0]
        var next = 0
        for (position, index) in activations.enumerated()
        where next < cutNodes.count && cutNodes[next] == index {
            positions.append(position + 1)
            next += 1
        }
        // Gradients on their way take about two of a section's largest tensors.
        func cost(_ range: ArraySlice<Int>, _ size: (Int) -> Int) -> [Int] {
            var (sum, largest) = (0, 0)
            return [0]
                + range.map { index in
                    sum += size(index)
                    largest = max(largest, forward.byteCount(index))
                    return sum + 2 * largest
                }
        }
        // By the time of a section, all that come after it have left the gradients of their variables.
        var gradients = 0
        let gradientsFrom = activations.reversed().map { index in
            gradients += forward.variableByteCount(index)
            return gradients
        }
        func held(from position: Int) -> Int {
            position < activations.count ? gradientsFrom[activations.count - 1 - position] : 0
        }
        inner = positions.indices.map { from in
            let costs = cost(activations[positions[from]...], forward.keptByteCount)
            return positions.indices.map { to in
                to > from ? costs[positions[to] - positions[from] - 1] + held(from: positions[from]) : 0
            }
        }
        last = positions.map { from in
            cost(activations[from...]) { passes.contains($0) ? 0 : forward.keptByteCount($0) }.last!
                + held(from: from)
        }
    }

    /// Cuts that keep every section within a bound, if there are any: the fewest bytes are kept before each.
    func choice(within bound: Int) -> [Int]? {
        var before = [Int?](repeating: nil, count: cuts.count)
        var previous = [Int](repeating: 0, count: cuts.count)
        before[0] = 0
        for to in 1..<cuts.count {
            for from in 0..<to {
                guard let held = before[from], held + inner[from][to] + sizes[to] <= bound,
                    held + sizes[to] < before[to] ?? .max
                else { continue }
                before[to] = held + sizes[to]
                previous[to] = from
            }
        }
        let start = cuts.indices.first { cut in before[cut].map { $0 + last[cut] <= bound } ?? false }
        guard var cut = start else { return nil }
        var result: [Int] = []
        while cut > 0 {
            result.append(cuts[cut])
            cut = previous[cut]
        }
        return result.reversed()
    }
}
