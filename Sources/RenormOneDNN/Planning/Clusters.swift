/// Elementwise nodes that are computed in one pass over memory.
struct Cluster {
    /// The nodes, operands first.
    var members: [Int]
    /// The number of elements that each has.
    var count: Int
    /// The loop nest that stretched operands need, if one is needed.
    var split: Stretch.Split?
    /// How stretched operands are read, by the node of the broadcast.
    var stretches: [Int: Stretch] = [:]
    /// An upper bound on how many values the pass holds at once.
    var valueCount = 0
}

/// Groups elementwise nodes: a node joins the pass of its readers if one pass is the only reader of all its values.
///
/// Then the grouped graph cannot have a cycle: a way from the pass back to the node would have been a cycle before,
/// because all that leaves the node goes into the pass.
struct Clusters {
    private(set) var all: [Cluster] = []
    /// The cluster of a node.
    private(set) var owner: [Int: Int] = [:]

    init(_ prepared: PreparedGraph, claimed: Set<Int>, isEnabled: Bool) {
        for index in prepared.graph.nodes.indices.reversed() {
            let node = prepared.node(index)
            guard prepared.base[index] == index, prepared.uniform[index] == nil, node.op.isElementwise,
                !claimed.contains(index)
            else { continue }
            let single = Clusters.describe(index, prepared)
            let readers = Set(prepared.uses[index].map { owner[$0] })
            if isEnabled, readers.count == 1, let first = readers.first, let cluster = first,
                let joined = all[cluster].joined(with: single)
            {
                all[cluster] = joined
                owner[index] = cluster
            } else {
                owner[index] = all.count
                all.append(single)
            }
        }
    }

    private static func describe(_ index: Int, _ prepared: PreparedGraph) -> Cluster {
        let node = prepared.node(index)
        var cluster = Cluster(members: [index], count: node.shape.elementCount)
        cluster.valueCount = 1 + Set(prepared.inputs(index)).count
        for input in Set(prepared.inputs(index)).sorted() where prepared.uniform[input] == nil {
            let source = prepared.node(input)
            guard case .broadcast = source.op else { continue }
            guard let stretch = prepared.graph[source.inputs[0]].shape.stretch(to: source.shape),
                stretch.split == nil || cluster.split == nil || stretch.split == cluster.split
            else { continue }
            cluster.split = stretch.split ?? cluster.split
            cluster.stretches[input] = stretch
        }
        return cluster
    }
}

extension Cluster {
    /// The most values of a pass, well below the limits of the programs that execute it.
    private static let maximumValues = 60

    /// This cluster with an earlier one in it, if one pass can compute both.
    fileprivate func joined(with other: Cluster) -> Cluster? {
        guard count == other.count, valueCount + other.valueCount <= Cluster.maximumValues,
            split == nil || other.split == nil || split == other.split
        else { return nil }
        var result = self
        result.members = other.members + members
        result.split = split ?? other.split
        result.stretches.merge(other.stretches) { first, _ in first }
        result.valueCount += other.valueCount
        return result
    }
}
