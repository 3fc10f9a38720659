import RenormArrays
import RenormEngines
import RenormGraphs
import RenormTestSupport
import Testing

/// An operation on a few numbers, with a result worked out by hand.
private struct Example: Sendable, CustomTestStringConvertible {
    let testDescription: String
    let operands: [NDArray]
    let expected: NDArray
    let function: @Sendable ([Tensor]) throws -> Tensor

    init(
        _ name: String, _ operands: [NDArray], gives expected: NDArray,
        _ function: @escaping @Sendable ([Tensor]) throws -> Tensor
    ) {
        testDescription = name
        self.operands = operands
        self.expected = expected
        self.function = function
    }
}

private func row(_ values: Float...) -> NDArray { NDArray(values, shape: [values.count]) }

private func image(_ rows: [[Float]]) -> NDArray {
    NDArray(rows.flatMap { $0 }, shape: [1, rows.count, rows[0].count, 1])
}

private let nan = Float.nan
private let inf = Float.infinity
private let counting = image([[1, 2, 3], [4, 5, 6], [7, 8, 9]])

private let elementwise: [Example] = [
    Example(
        "maximum passes NaN on", [row(1, nan, 2, nan), row(2, 1, nan, nan)], gives: row(2, nan, nan, nan)
    ) {
        try $0[0].maximum($0[1])
    },
    Example("minimum passes NaN on", [row(1, nan, 2, inf), row(2, 1, nan, 3)], gives: row(1, nan, nan, 3)) {
        try $0[0].minimum($0[1])
    },
    Example("relu passes NaN on", [row(-1, 0, 2, nan, inf)], gives: row(0, 0, 2, nan, inf)) { $0[0].relu() },
    Example("relu6", [row(-1, 0, 5.5, 6, 7, nan)], gives: row(0, 0, 5.5, 6, 6, nan)) { $0[0].relu6() },
    Example("sign", [row(-3, 0, 0.5, -inf)], gives: row(-1, 0, 1, -1)) { $0[0].unary(.sign) },
    Example("isFinite", [row(1, nan, inf, -inf)], gives: row(1, 0, 0, 0)) { $0[0].unary(.isFinite) },
    Example("logistic saturates", [row(0, 200, -200)], gives: row(0.5, 1, 0)) { $0[0].sigmoid() },
    Example("rsqrt", [row(4, 0.25, 0)], gives: row(0.5, 2, inf)) { $0[0].reciprocalSquareRoot() },
    Example("power", [row(2, 9, 0, -2), row(3, 0.5, 0, 2)], gives: row(8, 3, 1, 4)) {
        try $0[0].power($0[1])
    },
    Example("division by 0", [row(1, -1, 0), row(0, 0, 0)], gives: row(inf, -inf, nan)) { try $0[0] / $0[1] },
    Example("less", [row(1, 2, 3, nan), row(2, 2, 2, 2)], gives: row(1, 0, 0, 0)) {
        try $0[0].compare(.less, $0[1])
    },
    Example("greaterOrEqual", [row(1, 2, 3, nan), row(2, 2, 2, nan)], gives: row(0, 1, 1, 0)) {
        try $0[0].compare(.greaterOrEqual, $0[1])
    },
    Example("equal", [row(1, 2, nan), row(1, 3, nan)], gives: row(1, 0, 0)) {
        try $0[0].compare(.equal, $0[1])
    },
    Example("notEqual holds for NaN", [row(1, 2, nan), row(1, 3, nan)], gives: row(0, 1, 1)) {
        try $0[0].compare(.notEqual, $0[1])
    },
    Example(
        "select takes what is chosen alone", [row(1, 0, -2, nan), row(1, nan, 3, 4), row(nan, 6, nan, nan)],
        gives: row(1, 6, 3, 4)
    ) { try $0[0].select($0[1], $0[2]) },
    Example(
        "convert to i32 truncates", [row(1.9, -1.9, 3e9, nan)],
        gives: NDArray([1, -1, .max, 0] as [Int32], shape: [4])
    ) {
        $0[0].converted(to: .i32)
    },
    Example("convert from u8", [NDArray([0, 7, 255] as [UInt8], shape: [3])], gives: row(0, 7, 255)) {
        $0[0].converted(to: .f32)
    },
    Example("bf16 rounds to 8 bits", [row(1.001, 256.9, -3.14159)], gives: row(1, 256, -3.140625)) {
        $0[0].converted(to: .bf16).converted(to: .f32)
    },
    Example(
        "compare of i32", [NDArray([1, 2] as [Int32], shape: [2]), NDArray([1, 3] as [Int32], shape: [2])],
        gives: NDArray([1, 0] as [Int32], shape: [2])
    ) { try $0[0].compare(.equal, $0[1]) },
]

private let slopes: [Example] = [
    Example("relu has no slope at 0", [row(-1, 0, -0.0, 1)], gives: row(0, 0, 0, 1)) {
        try $0[0].builder.gradients(of: $0[0].relu().sum(), for: [$0[0]])[0]
    },
    Example("relu6 has no slope at 0 and at 6", [row(-1, 0, 3, 6, 7)], gives: row(0, 0, 1, 0, 0)) {
        try $0[0].builder.gradients(of: $0[0].relu6().sum(), for: [$0[0]])[0]
    },
    Example(
        "where both are equal the first has the slope of maximum", [row(1, 2, 3), row(2, 2, 2)],
        gives: row(0, 1, 1)
    ) {
        try $0[0].builder.gradients(of: $0[0].maximum($0[1]).sum(), for: $0)[0]
    },
    Example(
        "where both are equal the second has no slope of minimum", [row(1, 2, 3), row(2, 2, 2)],
        gives: row(0, 0, 1)
    ) {
        try $0[0].builder.gradients(of: $0[0].minimum($0[1]).sum(), for: $0)[1]
    },
    Example("equal largest values share the slope", [row(1, 3, 3)], gives: row(0, 0.5, 0.5)) {
        try $0[0].builder.gradients(of: $0[0].reduce(.maximum), for: $0)[0]
    },
]

private let shapes: [Example] = [
    Example(
        "maximum over an axis", [NDArray([1, 5, -2, 4, nan, 0] as [Float], shape: [2, 3])],
        gives: row(4, nan, 0)
    ) {
        try $0[0].reduce(.maximum, axes: [0])
    },
    Example("minimum over all", [row(3, -1, 2)], gives: NDArray(scalar: Float(-1))) {
        try $0[0].reduce(.minimum)
    },
    Example("sumOfSquares", [row(3, -1, 2)], gives: NDArray(scalar: Float(14))) {
        try $0[0].reduce(.sumOfSquares)
    },
    Example("zeros of either sign", [row(0, -0.0, 1e-30, nan)], gives: NDArray(scalar: Float(2))) {
        try $0[0].reduce(.zeros)
    },
    Example(
        "squared differences over an axis",
        [
            NDArray([1, 2, 3, 4] as [Float], shape: [2, 2]),
            NDArray([1, 4, 0, 4] as [Float], shape: [2, 2]),
        ], gives: row(9, 4)
    ) {
        try $0[0].squaredDifferences(from: $0[1], axes: [0])
    },
    Example("sums do not lose small terms", [row(1e8, 1, -1e8)], gives: NDArray(scalar: Float(1))) {
        try $0[0].sum()
    },
    Example("pad", [row(1, 2)], gives: row(0, 1, 2, 0, 0)) { try $0[0].padded(low: [1], high: [2]) },
    Example(
        "pad of i32", [NDArray([4] as [Int32], shape: [1])], gives: NDArray([0, 4] as [Int32], shape: [2])
    ) {
        try $0[0].padded(low: [1], high: [0])
    },
]

private let convolution: [Example] = [
    Example(
        "cross-correlation, not convolution",
        [counting, NDArray([1, 2, 3, 4] as [Float], shape: [1, 1, 2, 2])],
        // 1·1 + 2·2 + 4·3 + 5·4 and so on
        gives: image([[37, 47], [67, 77]])
    ) { try $0[0].convolution($0[1]) },
    Example(
        "padding: top, bottom, left, right",
        [image([[1, 2]]), NDArray([1, 10] as [Float], shape: [1, 1, 1, 2])],
        gives: image([[0, 0, 0], [10, 21, 2]])
    ) { try $0[0].convolution($0[1], options: ConvolutionOptions(padding: [1, 0, 1, 1])) },
    Example(
        "stride and dilation",
        [image([[1, 2, 3, 4, 5, 6]]), NDArray([1, 10] as [Float], shape: [1, 1, 1, 2])],
        gives: image([[31, 53]])
    ) { try $0[0].convolution($0[1], options: ConvolutionOptions(strides: [1, 2], dilations: [1, 2])) },
    Example(
        "groups in the order of outputs, and a bias",
        [
            NDArray([1, 2, 3, 4] as [Float], shape: [1, 1, 1, 4]),
            NDArray([1, 10, 100, 1000] as [Float], shape: [2, 2, 1, 1]), row(0.5, 0.25),
        ],
        gives: NDArray([21.5, 4300.25] as [Float], shape: [1, 1, 1, 2])
    ) { try $0[0].convolution($0[1], bias: $0[2], options: ConvolutionOptions(groups: 2)) },
]

private let pooling: [Example] = [
    Example(
        "maxPool: padding never wins", [image([[-1, -2], [-3, -4]])], gives: image([[-1, -2], [-3, -4]])
    ) {
        try $0[0].maxPool(PoolingOptions(window: [2, 2], strides: [2, 2], padding: [1, 1, 1, 1]))
    },
    Example("maxPool: NaN wins", [image([[1, nan, 2, 3]])], gives: image([[nan, 3]])) {
        try $0[0].maxPool(PoolingOptions(window: [1, 2], strides: [1, 2]))
    },
    Example("averagePool counts padding", [image([[4, 8]])], gives: image([[1, 2]])) {
        try $0[0].averagePool(PoolingOptions(window: [2, 2], strides: [2, 2], padding: [1, 0, 1, 1]))
    },
    Example("averagePool without counting padding", [image([[4, 8]])], gives: image([[4, 8]])) {
        try $0[0].averagePool(
            PoolingOptions(window: [2, 2], strides: [2, 2], padding: [1, 0, 1, 1], countsPadding: false))
    },
    Example(
        "ties go to the first in row order", [image([[5, 5, 1], [5, 0, 5]])],
        gives: image([[1, 1, 0], [0, 0, 0]])
    ) {
        let y = try $0[0].maxPool(PoolingOptions(window: [2, 2], strides: [1, 1]))
        return try $0[0].builder.gradients(of: y.sum(), for: [$0[0]])[0]
    },
]

private let other: [Example] = [
    Example(
        "matmul, both transposed",
        [
            NDArray([1, 2, 3, 4] as [Float], shape: [2, 2]),
            NDArray([5, 6, 7, 8] as [Float], shape: [2, 2]),
        ],
        // [1 3; 2 4] · [5 7; 6 8]
        gives: NDArray([23, 31, 34, 46] as [Float], shape: [2, 2])
    ) { try $0[0].matmul($0[1], transposeLeft: true, transposeRight: true) },
    Example(
        "moments: means, then biased variances, by group of consecutive examples",
        [NDArray([1, 10, 3, 20, 1000, 5, 1002, 5] as [Float], shape: [4, 1, 1, 2])],
        gives: NDArray([2, 15, 1001, 5, 1, 25, 1, 0] as [Float], shape: [2, 2, 2])
    ) { try $0[0].momentVectors(groups: 2) },
    Example(
        "affine: a·(x − m) + b, a row of each vector for a group",
        [
            NDArray([1, 2, 3, 4] as [Float], shape: [4, 1, 1, 1]),
            NDArray([1, 3] as [Float], shape: [2, 1]),
            NDArray([10, 100] as [Float], shape: [2, 1]), NDArray([0.5, 0.25] as [Float], shape: [2, 1]),
        ],
        gives: NDArray([0.5, 10.5, 0.25, 100.25] as [Float], shape: [4, 1, 1, 1])
    ) { try $0[0].affine(mean: $0[1], scale: $0[2], shift: $0[3]) },
    Example(
        "softmax cross-entropy of equal logits",
        [NDArray([7, 7, 7, 7] as [Float], shape: [1, 4]), NDArray([2] as [Int32], shape: [1])],
        gives: row(1.3862944)
    ) { try $0[0].softmaxCrossEntropy(labels: $0[1], smoothing: 0.2) },
    Example(
        "softmax cross-entropy does not overflow",
        [NDArray([1000, 0] as [Float], shape: [1, 2]), NDArray([1] as [Int32], shape: [1])], gives: row(1000)
    ) { try $0[0].softmaxCrossEntropy(labels: $0[1]) },
    Example(
        "right answers: the first of equal logits counts",
        [
            NDArray([1, 3, 3, 1, 3, 3, 2, 1, 0] as [Float], shape: [3, 3]),
            NDArray([1, 2, 0] as [Int32], shape: [3]),
        ], gives: row(1, 0, 1)
    ) { try $0[0].rightAnswers(labels: $0[1]) },
    Example(
        "right answers: NaN is none and hides none, −∞ is none",
        [
            NDArray([nan, 1, nan, 1, 1, nan, -inf, -inf, inf, 5, -inf, nan] as [Float], shape: [6, 2]),
            NDArray([0, 1, 0, 0, 0, 0] as [Int32], shape: [6]),
        ], gives: row(0, 1, 1, 0, 1, 0)
    ) { try $0[0].rightAnswers(labels: $0[1]) },
]

@Suite struct OperationMeaningTests {
    @Test(arguments: elementwise + slopes + shapes + convolution + pooling + other)
    private func givesWhatWasWorkedOutByHand(_ example: Example) throws {
        for precision in ReferenceEngine.Precision.allCases {
            // Without rounding in between, bf16 has nothing to show.
            if precision == .f64 && example.testDescription.hasPrefix("bf16") { continue }
            let engine = ReferenceEngine(precision: precision)
            let builder = GraphBuilder()
            let operands = example.operands.enumerated().map { index, operand in
                builder.input("\(index)", shape: operand.shape, type: operand.type)
            }
            builder.fetch(try example.function(operands), as: "y")
            var results: [NDArray] = []
            try engine.compile(builder.graph).run(
                example.operands, step: 0, on: engine.makeStore(Variables()), into: &results)
            let isWidened = precision == .f64 && example.expected.type == .f32
            #expect(results[0].type == (isWidened ? .f64 : example.expected.type))
            #expect(mismatch(results[0], example.expected, tolerance: 1e-7) == nil)
        }
    }

    @Test func randomNumbersAreWordsOfABlockBySeedStreamAndCounter() throws {
        let builder = GraphBuilder()
        let counter = builder.input("counter", shape: .scalar)
        builder.fetch(builder.uniform(shape: [2, 3], seed: 9, stream: "dropout", counter: counter), as: "u")
        let engine = ReferenceEngine()
        let executable = try engine.compile(builder.graph)
        let store = try engine.makeStore(Variables())
        for step: UInt32 in [0, 5] {
            let found = try executable.run(["counter": NDArray(scalar: Float(step))], on: store)["u"]!
            let blocks = (0..<2).map { index in
                Random.block(
                    seed: 9, stream: Random.streamNumber("dropout"), counter: step, index: UInt32(index))
            }
            let words = blocks.flatMap { [$0.0, $0.1, $0.2, $0.3] }.prefix(6)
            let expected = words.map { Float($0 >> 8) / 16_777_216 }
            #expect(found == NDArray(expected, shape: [2, 3]))
            #expect(expected.allSatisfy { (0..<1).contains($0) })
        }
    }

    @Test func everyResultOfF32IsTheResultOfF64RoundedWhereNothingIsComposed() throws {
        for operation in OperationCase.convolutions + OperationCase.poolings {
            let wide = try operation.results(on: ReferenceEngine(precision: .f64))["y"]!
            let narrow = try operation.results(on: ReferenceEngine(precision: .f32))["y"]!
            #expect(narrow == wide.converted(to: .f32), "\(operation)")
        }
    }
}
