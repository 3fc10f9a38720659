/// An extent of an array whose batch may be of any size N: a number, or a number times N.
struct Extent: Hashable {
    /// The number.
    var factor: Int
    /// Whether it is multiplied by N.
    var growsWithBatch: Bool

    init(_ factor: Int, growsWithBatch: Bool = false) {
        self.factor = factor
        self.growsWithBatch = growsWithBatch
    }

    static let one = Extent(1)
    static let batch = Extent(1, growsWithBatch: true)

    /// The product; `nil` where N would come in twice, or the number is too large.
    func times(_ other: Extent) -> Extent? {
        let (product, overflow) = factor.multipliedReportingOverflow(by: other.factor)
        guard !overflow, !(growsWithBatch && other.growsWithBatch) else { return nil }
        return Extent(product, growsWithBatch: growsWithBatch || other.growsWithBatch)
    }

    /// What has to be multiplied with `other` to give this; `nil` where nothing does.
    func divided(by other: Extent) -> Extent? {
        guard other.factor > 0, factor % other.factor == 0, growsWithBatch || !other.growsWithBatch else {
            return nil
        }
        return Extent(factor / other.factor, growsWithBatch: growsWithBatch && !other.growsWithBatch)
    }
}
