#if canImport(Darwin)
    import Darwin
#else
    import Glibc
#endif

extension Random {
    /// A number in [0, 1] of the distribution Beta(`first`, `second`), both above 0.
    ///
    /// It is x / (x + y) of two numbers of gamma distributions, computed from their logarithms, so that it is exact where one of them
    /// is too small for a `Double`, as for Beta(0.001, 0.001).
    public mutating func beta(_ first: Double, _ second: Double) -> Double {
        precondition(first > 0 && second > 0, "Beta(\(first), \(second))")
        let (x, y) = (logarithmOfGamma(shape: first), logarithmOfGamma(shape: second))
        return 1 / (1 + exp(y - x))
    }

    /// The logarithm of a number of a gamma distribution of scale 1 (Marsaglia and Tsang, "A simple method for generating gamma
    /// variables", TOMS 2000).
    private mutating func logarithmOfGamma(shape: Double) -> Double {
        // Γ(a) is Γ(a + 1) · u^(1/a).
        guard shape >= 1 else {
            let larger = logarithmOfGamma(shape: shape + 1)
            return larger + log(1 - uniform()) / shape
        }
        let d = shape - 1.0 / 3
        while true {
            let x = normal()
            let root = 1 + x / (9 * d).squareRoot()
            guard root > 0 else { continue }
            let v = root * root * root
            if log(1 - uniform()) < x * x / 2 + d * (1 - v + log(v)) { return log(d * v) }
        }
    }
}
