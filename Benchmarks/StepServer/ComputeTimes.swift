import Renorm

/// What the convolutions of a plan take, each with all its units, and what its products of matrices and poolings take.
struct ComputeTimes {
    /// The units of one convolution, or gradient of one.
    private struct Part {
        var names: Set<String> = []
        var seconds = 0.0
    }

    private var convolutions: [Int: Part] = [:]
    private var others = 0.0

    /// Adds what the units of a step took.
    mutating func add(_ units: [UnitTime]) {
        for unit in units {
            guard let node = unit.convolution else {
                others += unit.seconds
                continue
            }
            convolutions[node, default: Part()].names.insert(unit.name)
            convolutions[node]!.seconds += unit.seconds
        }
    }

    /// The sum over convolutions of what the fastest plan takes for each, and the mean of what plans take for everything
    /// else. Where plans compute a convolution in the same way it counts with their mean too: the lesser of two
    /// measurements of one thing would be less than it takes.
    static func least(of plans: [ComputeTimes]) -> Double {
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
