import Renorm

/// Batch renormalization of one channel of one group of examples, written out value by value in Double after Ioffe 2017,
/// Algorithm 1: an oracle that shares nothing with the library.
struct ScalarRenorm {
    var values: [Double]
    var gamma = 1.0
    var beta = 0.0
    var epsilon = 1e-5
    var mean = 0.0
    var deviation = 1.0
    var rMax = 3.0
    var dMax = 5.0

    var count: Double { Double(values.count) }
    var batchMean: Double { values.reduce(0, +) / count }
    var variance: Double {
        let center = batchMean
        return values.reduce(0) { $0 + ($1 - center) * ($1 - center) } / count
    }
    var batchDeviation: Double { (epsilon + variance).squareRoot() }
    var r: Double { min(max(batchDeviation / deviation, 1 / rMax), rMax) }
    var d: Double { min(max((batchMean - mean) / deviation, -dMax), dMax) }

    /// (x − μ_B)/σ_B.
    var standardized: [Double] {
        let (center, scale) = (batchMean, batchDeviation)
        return values.map { ($0 - center) / scale }
    }

    /// γ·(x̂_B·r + d) + β for given r and d.
    func output(r: Double, d: Double) -> [Double] { standardized.map { gamma * ($0 * r + d) + beta } }

    /// γ·(x − μ)/σ + β.
    var inference: [Double] { values.map { gamma * ($0 - mean) / deviation + beta } }

    /// ∂ℓ/∂x = (r/σ_B)·[g − mean(g) − x̂_B·mean(g·x̂_B)] with g = γ·dy.
    func inputGradient(_ dy: [Double]) -> [Double] {
        let (hats, r, scale) = (standardized, r, batchDeviation)
        let g = dy.map { gamma * $0 }
        let meanG = g.reduce(0, +) / count
        let meanGX = zip(g, hats).reduce(0) { $0 + $1.0 * $1.1 } / count
        return zip(g, hats).map { r / scale * ($0 - meanG - $1 * meanGX) }
    }
}

extension NDArray {
    /// The values of one channel of consecutive examples of `[N, H, W, C]` or `[N, C]`, in row order.
    func channel(_ channel: Int, examples: Range<Int>) -> [Double] {
        let part = rows(examples)
        let all = part.doubles
        return stride(from: channel, to: all.count, by: shape[-1]).map { all[$0] }
    }
}
