import RenormArrays
import RenormGraphs

extension OperationCase {
    /// Functions of one, two and three operands, with broadcasts.
    public static let elementwise: [OperationCase] =
        unaries + binaries + [
            OperationCase(
                "select, mask broadcast", at: [randomArray([3, 4]), randomArray([3, 4], seed: 2)]
            ) {
                let mask = try $0[0].compare(.greater, $0[1]).element(0)
                return try mask.select($0[0], $0[1] * 2)
            },
            OperationCase("clipped", at: [randomArray([5, 7], deviation: 2)]) {
                try $0[0].clipped($0[0].builder.constant(-1), $0[0].builder.constant(1.5))
            },
            OperationCase("relu", at: [randomArray([2, 3, 3, 17])]) { $0[0].relu() },
            OperationCase("relu6", at: [randomArray([2, 3, 3, 5], mean: 3, deviation: 4)]) { $0[0].relu6() },
            OperationCase("silu", at: [randomArray([2, 3, 3, 5], deviation: 3)]) { try $0[0].silu() },
            OperationCase("gelu", at: [randomArray([2, 3, 3, 5], deviation: 3)]) { try $0[0].gelu() },
            OperationCase("barrier", at: [randomArray([4])]) { try $0[0].barrier() * $0[0] },
            OperationCase("stopGradient", at: [randomArray([4])], derivative: .byRule) {
                try $0[0].stoppingGradient() * $0[0]
            },
            OperationCase("isFinite", at: [randomArray([4])], derivative: .none) { $0[0].unary(.isFinite) },
            OperationCase("used three times", at: [randomArray([3, 4])]) {
                try $0[0] * $0[0].tanh() + $0[0].exponential() / ($0[0].squared() + 1)
            },
        ]
        + Comparison.allCases.map { comparison in
            OperationCase(
                "compare \(comparison)", at: [ties(1), ties(2)], derivative: .none
            ) { try $0[0].compare(comparison, $0[1]) }
        }

    private static let unaries: [OperationCase] = Unary.allCases.filter { $0 != .isFinite && $0 != .sign }
        .flatMap { function -> [OperationCase] in
            let isOfPositives = [.log, .sqrt, .rsqrt].contains(function)
            return [[], [1], [3, 1, 5], [2, 3, 3, 17]].map { (shape: TensorShape) in
                let x = randomArray(shape, deviation: 2)
                let positive = NDArray(x.doubles.map { abs($0) + 0.1 }, shape: shape)
                return OperationCase("\(function) of \(shape)", at: [isOfPositives ? positive : x]) {
                    $0[0].unary(function)
                }
            }
        }

    private static let binaries: [OperationCase] = Binary.allCases.flatMap { function -> [OperationCase] in
        let shapes: [(TensorShape, TensorShape)] = [
            ([2, 3, 4], [2, 3, 4]), ([2, 3, 4], []), ([4], [2, 3, 4]), ([2, 1, 4], [3, 1]), ([1], [5]),
        ]
        return shapes.map { a, b in
            let left = randomArray(a, deviation: 2)
            let base = NDArray(left.doubles.map { abs($0) + 0.2 }, shape: a)
            let right = randomArray(b, seed: 2, deviation: 2)
            let divisor = NDArray(right.doubles.map { $0 + ($0 < 0 ? -0.3 : 0.3) }, shape: b)
            return OperationCase(
                "\(function) of \(a) and \(b)",
                at: [function == .power ? base : left, function == .divide ? divisor : right]
            ) {
                switch function {
                case .add: try $0[0] + $0[1]
                case .subtract: try $0[0] - $0[1]
                case .multiply: try $0[0] * $0[1]
                case .divide: try $0[0] / $0[1]
                case .maximum: try $0[0].maximum($0[1])
                case .minimum: try $0[0].minimum($0[1])
                case .power: try $0[0].power($0[1])
                }
            }
        }
    }

    /// Small whole numbers, many of them equal.
    private static func ties(_ seed: UInt64) -> NDArray {
        NDArray(randomArray([40], seed: seed).doubles.map { $0.rounded() }, shape: [40])
    }

    /// Operations that move values, and reductions.
    public static let shapes: [OperationCase] =
        reductions + [
            OperationCase("broadcast in front, inside and behind", at: [randomArray([3, 1, 4, 1])]) {
                try $0[0].broadcast(to: [2, 3, 5, 4, 6])
            },
            OperationCase("broadcast of a scalar", at: [randomArray([])]) {
                try $0[0].broadcast(to: [3, 2])
            },
            OperationCase("reshape", at: [randomArray([4, 6])]) { try $0[0].reshaped(to: [3, 8]) },
            OperationCase("transpose of a matrix", at: [randomArray([3, 5])]) {
                try $0[0].transposed([1, 0])
            },
            OperationCase("transpose to channels first", at: [randomArray([2, 3, 4, 5])]) {
                try $0[0].transposed([0, 3, 1, 2])
            },
            OperationCase("transpose, a cycle", at: [randomArray([2, 3, 4, 5])]) {
                try $0[0].transposed([2, 0, 3, 1])
            },
            OperationCase("slice", at: [randomArray([4, 5, 6])]) {
                try $0[0].slice(starts: [1, 0, 3], shape: [2, 5, 3])
            },
            OperationCase("element", at: [randomArray([2, 3, 4])]) { try $0[0].element(1) },
            OperationCase("pad", at: [randomArray([2, 3, 4])]) {
                try $0[0].padded(low: [1, 0, 2], high: [0, 2, 3])
            },
            OperationCase(
                "concatenate channels",
                at: [randomArray([2, 3, 3, 4]), randomArray([2, 3, 3, 1]), randomArray([2, 3, 3, 7])]
            ) { try Tensor.concatenate($0, axis: 3) },
            OperationCase("concatenate rows", at: [randomArray([2, 5]), randomArray([3, 5])]) {
                try Tensor.concatenate($0, axis: 0)
            },
            OperationCase("concatenate a tensor with itself", at: [randomArray([2, 5])]) {
                try Tensor.concatenate([$0[0], $0[0]], axis: 1)
            },
        ]

    private static let reductions: [OperationCase] =
        Reduction.allCases.flatMap { reduction -> [OperationCase] in
            let axes: [[Int]] = [[0], [3], [1, 2], [0, 1, 2], [0, 3], [0, 1, 2, 3]]
            return axes.map { axes in
                OperationCase(
                    "reduce \(reduction) over \(axes)",
                    at: [randomArray([2, 3, 4, 5]), randomArray([2, 3, 4, 5], seed: 8)]
                ) {
                    switch reduction {
                    case .squaredDifferences: try $0[0].squaredDifferences(from: $0[1], axes: axes)
                    case .zeros: try $0[0].relu().reduce(.zeros, axes: axes)
                    default: try $0[0].reduce(reduction, axes: axes)
                    }
                }
            }
        } + [
            OperationCase("sumOfSquares over no axes", at: [randomArray([3])]) {
                try $0[0].reduce(.sumOfSquares, axes: [])
            },
            OperationCase("mean", at: [randomArray([3, 4, 5], mean: 1000)]) { try $0[0].mean(axes: [0, 2]) },
            OperationCase("globalAveragePool", at: [randomArray([2, 7, 5, 17])]) {
                try $0[0].globalAveragePool()
            },
        ]
}
