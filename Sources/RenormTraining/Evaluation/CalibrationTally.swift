/// How far a network's confidence, the probability of what it predicts, is from how often it is right.
struct CalibrationTally {
    /// Bins of equal width over 0 to 1, the upper bound in the next one, but 1 in the last.
    static let bins = 15

    private var examples = [Int](repeating: 0, count: bins)
    private var right = [Int](repeating: 0, count: bins)
    private var confidence = [Double](repeating: 0, count: bins)

    mutating func add(confidence: Double, isRight: Bool) {
        let bin = min(Int(confidence * Double(CalibrationTally.bins)), CalibrationTally.bins - 1)
        examples[bin] += 1
        right[bin] += isRight ? 1 : 0
        self.confidence[bin] += confidence
    }

    private var count: Int { examples.reduce(0, +) }

    /// The expected calibration error (Guo et al. 2017): the mean over examples of their bin's distance between mean
    /// confidence and accuracy; `nil` without examples.
    var error: Double? {
        guard count > 0 else { return nil }
        return zip(right, confidence).reduce(0) { $0 + abs(Double($1.0) - $1.1) } / Double(count)
    }

    /// The mean confidence; `nil` without examples.
    var meanConfidence: Double? { count > 0 ? confidence.reduce(0, +) / Double(count) : nil }
}
