import RenormKernels

/// Writes one number everywhere.
final class FillUnit: Unit {
    let name = "fill"
    private let value: Float
    private let count: Int
    private let type: renorm_type

    init(_ value: Float, count: Int, type: renorm_type) {
        self.value = value
        self.type = type
        self.count = count
    }

    func run(_ memory: UnitMemory, _ context: RunContext) {
        renorm_fill(context.team, type, count, value, memory.writes[0])
    }
}

/// Reads x, and y for squared differences; combines the middle axis of [outer, reduced, inner].
final class ReduceUnit: Unit {
    let name = "reduce"
    private let reduction: renorm_reduction
    private let sizes: (outer: Int, reduced: Int, inner: Int)
    private let type: renorm_type

    init(
        _ reduction: renorm_reduction, _ sizes: (outer: Int, reduced: Int, inner: Int), type: renorm_type
    ) {
        self.reduction = reduction
        self.type = type
        self.sizes = sizes
    }

    func run(_ memory: UnitMemory, _ context: RunContext) {
        renorm_reduce(
            context.team, reduction, sizes.outer, sizes.reduced, sizes.inner, type, memory.input(0),
            reduction == .squared_differences ? memory.input(1) : nil, 1, memory.output(0), memory.scratch)
    }
}

/// Reads a counter; writes uniform numbers.
final class RandomUnit: Unit {
    let name = "random"
    private let seed: UInt64
    private let stream: UInt64
    private let count: Int

    init(seed: UInt64, stream: UInt64, count: Int) {
        self.seed = seed
        self.stream = stream
        self.count = count
    }

    func run(_ memory: UnitMemory, _ context: RunContext) {
        let counter = UInt32(truncatingIfNeeded: Int64(exactly: memory.input(0)[0].rounded(.towardZero)) ?? 0)
        renorm_uniform(context.team, seed, stream, counter, count, memory.output(0))
    }
}

/// Reads logits and labels; writes losses, or with the losses' gradients as third operand the logits' gradient.
final class CrossEntropyUnit: Unit {
    let name: String
    private let isGradient: Bool
    private let examples: Int
    private let classes: Int
    private let smoothing: Float

    init(isGradient: Bool, examples: Int, classes: Int, smoothing: Double) {
        name = isGradient ? "crossEntropyGradient" : "crossEntropy"
        self.isGradient = isGradient
        self.examples = examples
        self.classes = classes
        self.smoothing = Float(smoothing)
    }

    func run(_ memory: UnitMemory, _ context: RunContext) {
        let labels = UnsafePointer(memory.reads[1].assumingMemoryBound(to: Int32.self))
        if isGradient {
            renorm_cross_entropy_gradient(
                context.team, examples, classes, memory.input(0), labels, smoothing, memory.input(2),
                memory.output(0))
        } else {
            renorm_cross_entropy(
                context.team, examples, classes, memory.input(0), labels, smoothing, memory.output(0))
        }
    }
}

/// Reads logits and labels; writes 1 for each example whose label has the first of the largest logits, else 0. One thread
/// does it, because waking the others would take longer.
final class RightAnswersUnit: Unit {
    let name = "rightAnswers"
    private let examples: Int
    private let classes: Int

    init(examples: Int, classes: Int) { (self.examples, self.classes) = (examples, classes) }

    func run(_ memory: UnitMemory, _ context: RunContext) {
        let labels = memory.reads[1].assumingMemoryBound(to: Int32.self)
        let (logits, result) = (memory.input(0), memory.output(0))
        for example in 0..<examples {
            let (row, label) = (logits + example * classes, Int(labels[example]))
            result[example] = isRight(row, label) ? 1 : 0
        }
    }

    /// Comparisons with NaN are false, so NaN neither wins nor keeps another from winning.
    private func isRight(_ row: UnsafePointer<Float>, _ label: Int) -> Bool {
        guard (0..<classes).contains(label), row[label] > -.infinity else { return false }
        for other in 0..<label where row[other] >= row[label] { return false }
        for other in label + 1..<classes where row[other] > row[label] { return false }
        return true
    }
}
