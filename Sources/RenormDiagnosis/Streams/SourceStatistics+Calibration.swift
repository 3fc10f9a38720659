import RenormArrays
import RenormEngines
import RenormLayers

extension SourceStatistics {
    /// What a limit does to source images that come class by class.
    public struct Harm: Sendable, Hashable {
        /// As how many independent images a mean counts at most.
        public var limit: Double
        /// How many of the images are right at the source and wrong under the method, less those that are the other way round.
        public var images: Int
        /// The same as a part of the images.
        public var part: Double
    }

    /// The limits that are tried, the boldest first.
    public static let limits = [200.0, 100, 50, 25, 12]

    /// The statistics with the largest limit under which source images that come class by class are recognized as well as without
    /// adaptation: the edge of what can be told from labels.
    ///
    /// - Parameters:
    ///   - images: Images of the source that the statistics were not measured on, `f32` `[N, H, W, C]` as the network takes them.
    ///   - labels: Their classes.
    ///   - method: The method whose `limit` is chosen.
    ///   - batchSize: The images of a batch.
    ///   - tolerance: The largest part of the images that may be lost.
    /// - Returns: The statistics, and what each limit that was tried did.
    /// - Throws: What `StreamAdapter` throws.
    public func calibrated(
        _ model: Model, on images: NDArray, labels: [Int32], method: BayesianShift = BayesianShift(),
        batchSize: Int = 16, tolerance: Double = 0.002, engine: any Engine
    ) throws -> (statistics: SourceStatistics, harms: [Harm]) {
        precondition(labels.count == images.shape[0], "\(labels.count) labels for \(images.shape[0]) images")
        let order = labels.indices.sorted { (labels[$0], $0) < (labels[$1], $1) }
        func rightAnswers(_ method: any StreamMethod, _ statistics: SourceStatistics) throws -> Int {
            let adapter = try StreamAdapter(model, source: statistics, method: method, engine: engine)
            var right = 0
            for start in stride(from: 0, to: order.count, by: batchSize) {
                let places = order[start..<min(start + batchSize, order.count)]
                let batch = NDArray(joining: places.map { images.rows($0..<$0 + 1) })
                for (place, row) in zip(places, try adapter.predict(batch))
                where row.indices.max(by: { row[$0] < row[$1] }) == Int(labels[place]) {
                    right += 1
                }
            }
            return right
        }
        let atSource = try rightAnswers(SourceAverages(), self)
        var (result, harms) = (self, [Harm]())
        for limit in SourceStatistics.limits {
            result.limit = limit
            var free = method
            free.limit = 0
            let lost = try atSource - rightAnswers(free, result)
            harms.append(Harm(limit: limit, images: lost, part: Double(lost) / Double(max(labels.count, 1))))
            if harms.last!.part <= tolerance { break }
        }
        return (result, harms)
    }
}
