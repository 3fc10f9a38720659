/// What the convolutions of a plan take, each with all its units, and what its products of matrices and poolings take:
/// added up over the steps of one plan, then compared with other plans of the same graph.
package struct ComputeTimes {
    /// The units of one convolution, or gradient of one.
    private struct Part {
        var names: Set<String> = []
        var seconds = 0.0
    }

    private var convolutions: [Int: Part] = [:]
    private var others = 0.0

    /// Nothing yet.
    package init() {}

    /// Adds what the units of a step took (`OneDNNExecutable.timesOfCompute`).
    package mutating func add(_ units: [UnitTime]) {
        for unit in units {
            guard let node = unit.convolution else {
                others += unit.seconds
                continue
            }
            convolutions[node, default: Part()].names.insert(unit.name)
            convolutions[node]!.seconds += unit.seconds
        }
    }

    /// The sum over convolutions of the seconds that the fastest plan takes for each, and the mean of what plans take for everything
    /// else. Where plans compute a convolution in the same way it counts with their mean too: the lesser of two
    /// measurements of one thing would be less than it takes.
    package static func least(of plans: [ComputeTimes]) -> Double {
        let nodes = Set(plans.flatMap(\.convolutions.keys))
        let convolutions = nodes.map { node in
            let ways = Dictionary(grouping: plans.compactMap { $0.convolutions[node] }, by: \.names)
            return ways.values.map { mean($0.map(\.seconds)) }.min() ?? 0
        }
        return convolutions.reduce(0, +) + mean(plans.map(\.others))
    }

    private static func mean(_ values: [Double]) -> Double {
        values.reduce(0, +) / Double(max(values.count, 1))
    }
}
