import Renorm
import Testing

/// Decompositions that put the matrix together again, and those that are known.
@Suite struct SymmetricEigenvectorsTests {
    private func random(_ n: Int, rank: Int, seed: UInt64) -> [Double] {
        var random = Random(seed: seed, stream: "eigenvectors")
        let rows = (0..<rank * n).map { _ in random.normal() }
        var result = [Double](repeating: 0, count: n * n)
        for row in 0..<rank {
            for i in 0..<n {
                for j in 0..<n { result[i * n + j] += rows[row * n + i] * rows[row * n + j] / Double(rank) }
            }
        }
        return result
    }

    @Test(arguments: [(1, 1), (2, 2), (3, 1), (10, 10), (64, 20), (130, 200)])
    func putTheMatrixTogether(n: Int, rank: Int) {
        let matrix = random(n, rank: rank, seed: UInt64(n))
        let found = SymmetricEigenvectors(of: matrix, count: n)
        let scale = matrix.map(abs).max()! + 1e-300
        var (worst, tilt) = (0.0, 0.0)
        for i in 0..<n {
            for j in 0..<n {
                var (sum, product) = (0.0, 0.0)
                for k in 0..<n {
                    sum += found.values[k] * found.vectors[k * n + i] * found.vectors[k * n + j]
                    product += found.vectors[i * n + k] * found.vectors[j * n + k]
                }
                worst = max(worst, abs(sum - matrix[i * n + j]))
                tilt = max(tilt, abs(product - (i == j ? 1 : 0)))
            }
        }
        #expect(worst < 1e-12 * scale * Double(n))
        #expect(tilt < 1e-12 * Double(n))
        #expect(zip(found.values, found.values.dropFirst()).allSatisfy { $0 >= $1 })
        #expect(found.values.dropFirst(rank).allSatisfy { abs($0) < 1e-12 * scale * Double(n) })
    }

    @Test func knowsTheSecondDifference() {
        // −u″ on n places: 2 − 2·cos(kπ/(n + 1)).
        let n = 12
        var matrix = [Double](repeating: 0, count: n * n)
        for i in 0..<n {
            matrix[i * n + i] = 2
            if i + 1 < n { (matrix[i * n + i + 1], matrix[(i + 1) * n + i]) = (-1, -1) }
        }
        let values = SymmetricEigenvectors(of: matrix, count: n).values
        let known = [
            3.941883634852104, 3.770912051306419, 3.4970214963422024, 3.136129493462312, 2.709209774085071,
            2.241073360510647, 1.7589266394893532, 1.2907902259149289, 0.8638705065376879, 0.5029785036577977,
            0.22908794869358178, 0.0581163651478959,
        ]
        #expect(zip(values, known).allSatisfy { abs($0 - $1) < 1e-13 })
    }

    @Test func adiagonalMatrixAndZeros() {
        let found = SymmetricEigenvectors(of: [1, 0, 0, 0, 3, 0, 0, 0, 2], count: 3)
        #expect(found.values == [3, 2, 1])
        #expect(
            SymmetricEigenvectors(of: [Double](repeating: 0, count: 16), count: 4).values == [0, 0, 0, 0])
    }
}
