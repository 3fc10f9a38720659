#if canImport(Darwin)
    import Darwin
#else
    import Glibc
#endif

import RenormGraphs

/// LAME: the network as it was, and probabilities that agree more with those of images nearby in the batch.
public struct LaplacianAdjustment: StreamMethod {
    /// Its word.
    public static let name = "lame"
    /// Where it is from.
    public static let source =
        "Boudiaf et al. 2022, Parameter-free online test-time adaptation (LAME), with its affinity of distances (RBF); a batch of 1 is left as it is"
    /// Neighbours and steps.
    public static let constants = [
        StreamConstant<Self>("neighbours", \.neighbours, 1...1e6),
        StreamConstant<Self>("weight", \.weight, 0...100),
    ]

    /// To which neighbour the distance is the scale of nearness.
    public var neighbours = 5.0
    /// How much agreement weighs.
    public var weight = 1.0

    /// Makes the method.
    public init() {}

    /// Normalizes with the moving averages.
    public func normalize(_ layer: StreamLayer) throws -> Tensor {
        try layer.normalized(means: layer.sourceMean, variances: layer.sourceVariance)
    }

    /// Z ← softmax(log p + λ·W·Z), from softmax(log p), until nothing changes or a hundred times.
    public func probabilities(logits: [[Double]], features: [[Double]]) -> [[Double]]? {
        let count = logits.count
        guard count > 1 else { return nil }
        let units = features.map { row in
            let norm = max(row.reduce(0) { $0 + $1 * $1 }.squareRoot(), 1e-12)
            return row.map { $0 / norm }
        }
        var distances = [Double](repeating: 0, count: count * count)
        for i in 0..<count {
            for j in 0..<i {
                var sum = 0.0
                for (a, b) in zip(units[i], units[j]) { sum += (a - b) * (a - b) }
                (distances[i * count + j], distances[j * count + i]) = (sum, sum)
            }
        }
        // The k-th of an image's neighbours, of which it is itself the first.
        let place = min(Int(neighbours), count) - 1
        let scale =
            (0..<count).reduce(0) { sum, i in
                sum + distances[i * count..<(i + 1) * count].sorted()[place].squareRoot()
            } / Double(count)
        let affinity = distances.map { exp(-$0 / (2 * max(scale * scale, 1e-16))) }
        let logs = logits.map { row in
            softmax(row).map { log($0 + 1e-10) }
        }
        var z = logs.map(softmax)
        var before = Double.infinity
        for step in 0..<100 {
            let pull = (0..<count).map { i in
                var sums = [Double](repeating: 0, count: z[0].count)
                for j in 0..<count {
                    for k in sums.indices { sums[k] += weight * affinity[i * count + j] * z[j][k] }
                }
                return sums
            }
            z = (0..<count).map { i in softmax(zip(logs[i], pull[i]).map { $0 + $1 }) }
            var energy = 0.0
            for i in 0..<count {
                for k in z[i].indices {
                    energy += z[i][k] * (log(max(z[i][k], 1e-20)) - logs[i][k] - pull[i][k])
                }
            }
            if step > 1, abs(energy - before) <= 1e-8 * abs(before) { break }
            before = energy
        }
        return z
    }
}

/// eˣ / Σeˣ.
func softmax(_ row: [Double]) -> [Double] {
    let largest = row.max() ?? 0
    let values = row.map { exp($0 - largest) }
    let total = values.reduce(0, +)
    return values.map { $0 / total }
}
