#if canImport(Darwin)
    import Darwin
#else
    import Glibc
#endif

/// The probabilities of classes by their logits.
struct Softmax {
    private let logits: ArraySlice<Double>
    private let sum: Double
    /// The first of the likeliest classes.
    let largest: Int

    init(_ logits: ArraySlice<Double>) {
        self.logits = logits
        var largest = logits.startIndex
        for index in logits.indices where logits[index] > logits[largest] { largest = index }
        let top = logits[largest]
        sum = logits.reduce(0) { $0 + exp($1 - top) }
        self.largest = largest - logits.startIndex
    }

    private var top: Double { logits[logits.startIndex + largest] }

    /// The probability of the likeliest class.
    var confidence: Double { 1 / sum }

    /// The probability of each class.
    var values: [Double] { logits.map { exp($0 - top) / sum } }
}
