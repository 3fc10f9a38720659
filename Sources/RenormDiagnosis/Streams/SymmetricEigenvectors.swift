/// The eigenvalues and eigenvectors of a symmetric matrix, in Float64: Householder's tridiagonal form and implicit QL (Golub & Van Loan,
/// "Matrix computations", 8.3), with rows in the inner loops.
package struct SymmetricEigenvectors {
    /// The eigenvalues, the largest first.
    package let values: [Double]
    /// The eigenvectors in the same order, one after another, each of length 1.
    package let vectors: [Double]

    /// Decomposes a matrix.
    ///
    /// - Parameter matrix: n·n finite values in row order; both triangles are read.
    package init(of matrix: [Double], count n: Int) {
        precondition(matrix.count == n * n, "\(matrix.count) values for \(n) rows")
        var diagonal = [Double](repeating: 0, count: n)
        var beside = [Double](repeating: 0, count: n)
        var rows = SymmetricEigenvectors.tridiagonal(matrix, n, &diagonal, &beside)
        SymmetricEigenvectors.diagonalize(&diagonal, &beside, &rows, n)
        let order = (0..<n).sorted { diagonal[$0] > diagonal[$1] }
        values = order.map { diagonal[$0] }
        vectors = order.flatMap { rows[$0 * n..<($0 + 1) * n] }
    }

    /// Makes QᵀAQ tridiagonal by reflections.
    ///
    /// - Returns: Qᵀ.
    private static func tridiagonal(
        _ matrix: [Double], _ n: Int, _ diagonal: inout [Double], _ beside: inout [Double]
    ) -> [Double] {
        var a = matrix
        // Row k holds the direction of reflection k, of length √2.
        var reflections = [Double](repeating: 0, count: n * n)
        var product = [Double](repeating: 0, count: n)
        a.withUnsafeMutableBufferPointer { a in
            reflections.withUnsafeMutableBufferPointer { reflections in
                product.withUnsafeMutableBufferPointer { p in
                    for k in 0..<max(n - 2, 0) {
                        let v = UnsafeMutableBufferPointer(rebasing: reflections[k * n..<(k + 1) * n])
                        var norm = 0.0
                        for j in k + 1..<n { norm += a[k * n + j] * a[k * n + j] }
                        norm = norm.squareRoot()
                        beside[k] = norm
                        guard norm > 0 else { continue }
                        // Away from the first value, so that nothing cancels.
                        let first = a[k * n + k + 1]
                        let target = first > 0 ? -norm : norm
                        beside[k] = target
                        for j in k + 1..<n { v[j] = a[k * n + j] }
                        v[k + 1] = first - target
                        let scale = 1 / (norm * (norm + abs(first))).squareRoot()
                        for j in k + 1..<n { v[j] *= scale }
                        // A ← (I − vvᵀ)A(I − vvᵀ) = A − vwᵀ − wvᵀ, w = Av − v(vᵀAv)/2.
                        var twice = 0.0
                        for i in k + 1..<n {
                            var sum = 0.0
                            for j in k + 1..<n { sum += a[i * n + j] * v[j] }
                            p[i] = sum
                            twice += sum * v[i]
                        }
                        for i in k + 1..<n { p[i] -= v[i] * twice / 2 }
                        for i in k + 1..<n {
                            let (vi, wi) = (v[i], p[i])
                            for j in k + 1..<n { a[i * n + j] -= vi * p[j] + wi * v[j] }
                        }
                    }
                }
            }
        }
        for k in 0..<n { diagonal[k] = a[k * n + k] }
        if n > 1 { beside[n - 2] = a[(n - 2) * n + n - 1] }
        // Qᵀ = H(n−3) … H(0): each reflection changes rows of Q, from the last to the first.
        var q = [Double](repeating: 0, count: n * n)
        for k in 0..<n { q[k * n + k] = 1 }
        q.withUnsafeMutableBufferPointer { q in
            product.withUnsafeMutableBufferPointer { t in
                for k in (0..<max(n - 2, 0)).reversed() {
                    for j in k + 1..<n { t[j] = 0 }
                    for i in k + 1..<n {
                        let vi = reflections[k * n + i]
                        for j in k + 1..<n { t[j] += vi * q[i * n + j] }
                    }
                    for i in k + 1..<n {
                        let vi = reflections[k * n + i]
                        for j in k + 1..<n { q[i * n + j] -= vi * t[j] }
                    }
                }
                for i in 0..<n {
                    for j in 0..<i {
                        (q[i * n + j], q[j * n + i]) = (q[j * n + i], q[i * n + j])
                    }
                }
            }
        }
        return q
    }

    /// Makes a tridiagonal matrix diagonal by rotations, which rows of eigenvectors take too.
    private static func diagonalize(
        _ d: inout [Double], _ e: inout [Double], _ rows: inout [Double], _ n: Int
    ) {
        guard n > 1 else { return }
        e[n - 1] = 0
        rows.withUnsafeMutableBufferPointer { rows in
            for first in 0..<n {
                // It converges within a few turns; what does not after many is as good as it gets.
                for _ in 0..<60 {
                    var last = first
                    while last < n - 1, abs(e[last]) > 1e-16 * (abs(d[last]) + abs(d[last + 1])) { last += 1 }
                    if last == first { break }
                    var g = (d[first + 1] - d[first]) / (2 * e[first])
                    let root = (g * g + 1).squareRoot()
                    g = d[last] - d[first] + e[first] / (g + (g < 0 ? -root : root))
                    var (s, c, p) = (1.0, 1.0, 0.0)
                    var isBroken = false
                    for i in (first..<last).reversed() {
                        let (f, b) = (s * e[i], c * e[i])
                        let r = (f * f + g * g).squareRoot()
                        e[i + 1] = r
                        if r == 0 {
                            d[i + 1] -= p
                            e[last] = 0
                            isBroken = true
                            break
                        }
                        (s, c) = (f / r, g / r)
                        g = d[i + 1] - p
                        let t = (d[i] - g) * s + 2 * c * b
                        p = s * t
                        d[i + 1] = g + p
                        g = c * t - b
                        let (low, high) = (i * n, (i + 1) * n)
                        for k in 0..<n {
                            let (x, y) = (rows[low + k], rows[high + k])
                            rows[high + k] = s * x + c * y
                            rows[low + k] = c * x - s * y
                        }
                    }
                    if isBroken { continue }
                    d[first] -= p
                    e[first] = g
                    e[last] = 0
                }
            }
        }
    }
}
