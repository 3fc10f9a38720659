import RenormArrays
import RenormGraphs

extension OperationCase {
    private static func convolution(
        _ name: String, _ x: TensorShape, _ weight: TensorShape, bias: Bool = false,
        strides: [Int] = [1, 1], padding: [Int] = [0, 0, 0, 0], dilations: [Int] = [1, 1], groups: Int = 1
    ) -> OperationCase {
        let options = ConvolutionOptions(
            strides: strides, padding: padding, dilations: dilations, groups: groups)
        let operands = [randomArray(x), randomArray(weight, seed: 2, deviation: 0.5)]
        return OperationCase(
            "convolution, \(name), \(x) with \(weight)",
            at: operands + (bias ? [randomArray([weight[0]], seed: 3)] : [])
        ) {
            try $0[0].convolution($0[1], bias: bias ? $0[2] : nil, options: options)
        }
    }

    /// Convolutions: odd sizes, strides, padding, dilation, groups, few and odd channels.
    public static let convolutions: [OperationCase] = [
        convolution("3×3 padded", [2, 6, 5, 3], [4, 3, 3, 3], padding: [1, 1, 1, 1]),
        convolution("1×1", [2, 4, 4, 5], [6, 5, 1, 1]),
        convolution("with bias", [2, 4, 4, 5], [6, 5, 3, 3], bias: true, padding: [1, 1, 1, 1]),
        convolution("one channel", [1, 5, 5, 1], [1, 1, 3, 3]),
        convolution("17 channels", [2, 4, 4, 17], [17, 17, 3, 3], padding: [1, 1, 1, 1]),
        convolution("16 to 32 channels", [2, 5, 5, 16], [32, 16, 3, 3], padding: [1, 1, 1, 1]),
        convolution("stride 2", [2, 7, 7, 3], [4, 3, 3, 3], strides: [2, 2], padding: [1, 1, 1, 1]),
        convolution(
            "stride 2, even image", [2, 8, 6, 3], [4, 3, 3, 3], strides: [2, 2], padding: [1, 1, 1, 1]),
        convolution(
            "stride 2, odd cell at the end", [1, 8, 8, 3], [4, 3, 3, 3], strides: [2, 2],
            padding: [0, 1, 0, 1]),
        convolution("stride 2, 1×1", [2, 7, 6, 4], [5, 4, 1, 1], strides: [2, 2]),
        convolution(
            "stride 2 along one axis", [1, 7, 8, 3], [4, 3, 3, 3], strides: [2, 1], padding: [1, 0, 2, 1]),
        convolution("stride beyond the window", [2, 8, 8, 2], [3, 2, 2, 2], strides: [3, 3]),
        convolution(
            "stem of ImageNet", [1, 15, 15, 3], [4, 3, 7, 7], strides: [2, 2], padding: [3, 3, 3, 3]),
        convolution("dilation 2", [2, 7, 7, 2], [3, 2, 3, 3], padding: [2, 2, 2, 2], dilations: [2, 2]),
        convolution(
            "dilation along one axis", [1, 6, 9, 2], [3, 2, 3, 3], padding: [1, 1, 0, 0], dilations: [1, 3]),
        convolution(
            "dilation 2 and stride 2", [2, 9, 9, 2], [3, 2, 3, 3], strides: [2, 2], padding: [2, 1, 1, 2],
            dilations: [2, 2]),
        convolution("2 groups", [2, 5, 5, 4], [6, 2, 3, 3], padding: [1, 1, 1, 1], groups: 2),
        convolution(
            "3 groups with bias and stride 2", [2, 5, 5, 9], [6, 3, 3, 3], bias: true, strides: [2, 2],
            groups: 3),
        convolution("depthwise", [2, 5, 5, 17], [17, 1, 3, 3], padding: [1, 1, 1, 1], groups: 17),
        convolution(
            "depthwise, stride 2", [2, 6, 6, 8], [8, 1, 3, 3], strides: [2, 2], padding: [0, 1, 0, 1],
            groups: 8),
        convolution(
            "two outputs for each input", [2, 5, 5, 3], [6, 1, 3, 3], padding: [1, 1, 1, 1], groups: 3),
        convolution("oblong window", [2, 5, 7, 3], [4, 3, 1, 5], padding: [0, 0, 2, 2]),
        convolution("even window", [2, 5, 5, 3], [4, 3, 2, 4], padding: [1, 0, 1, 2]),
        convolution("window of the image's size", [3, 3, 3, 4], [5, 4, 3, 3]),
        convolution("1×1 image", [4, 1, 1, 6], [5, 6, 3, 3], padding: [1, 1, 1, 1]),
        convolution("windows in the padding alone", [1, 3, 3, 2], [2, 2, 2, 2], padding: [3, 2, 2, 3]),
    ]

    /// Max and average pooling.
    public static let poolings: [OperationCase] = {
        let geometries: [(String, TensorShape, [Int], [Int], [Int])] = [
            ("2×2", [2, 6, 6, 3], [2, 2], [2, 2], [0, 0, 0, 0]),
            ("2×2, cells left over", [2, 7, 5, 17], [2, 2], [2, 2], [0, 0, 0, 0]),
            ("3×3, stride 2, padded", [2, 8, 8, 4], [3, 3], [2, 2], [1, 1, 1, 1]),
            ("3×3, stride 1, padded", [1, 5, 6, 1], [3, 3], [1, 1], [1, 1, 1, 1]),
            ("3×2, odd cell at the end", [2, 6, 7, 3], [3, 2], [2, 2], [0, 1, 0, 1]),
            ("stride beyond the window", [1, 8, 8, 2], [2, 2], [3, 3], [0, 0, 0, 0]),
            ("the whole image", [2, 4, 3, 5], [4, 3], [1, 1], [0, 0, 0, 0]),
        ]
        return geometries.flatMap { name, shape, window, strides, padding -> [OperationCase] in
            var options = PoolingOptions(window: window, strides: strides, padding: padding)
            let counting = options
            options.countsPadding = false
            let sparing = options
            return [
                OperationCase("maxPool, \(name)", at: [randomArray(shape)]) { try $0[0].maxPool(counting) },
                OperationCase("averagePool, \(name)", at: [randomArray(shape)]) {
                    try $0[0].averagePool(counting)
                },
                OperationCase("averagePool without counting padding, \(name)", at: [randomArray(shape)]) {
                    try $0[0].averagePool(sparing)
                },
            ]
        }
    }()

    /// Matrix products and softmax cross-entropy.
    public static let dense: [OperationCase] = {
        var cases: [OperationCase] = []
        for (rows, inner, columns) in [(3, 4, 5), (1, 17, 10), (8, 1, 1)] {
            for (left, right) in [(false, false), (true, false), (false, true), (true, true)] {
                let a: TensorShape = left ? [inner, rows] : [rows, inner]
                let b: TensorShape = right ? [columns, inner] : [inner, columns]
                cases.append(
                    OperationCase(
                        "matmul \(a)\(left ? "ᵀ" : "") × \(b)\(right ? "ᵀ" : "")",
                        at: [randomArray(a), randomArray(b, seed: 2)]
                    ) { try $0[0].matmul($0[1], transposeLeft: left, transposeRight: right) })
            }
        }
        for (batch, classes, smoothing) in [(4, 10, 0.0), (1, 3, 0.1), (5, 17, 0.3), (2, 4, 1.0)] {
            cases.append(
                OperationCase(
                    "softmaxCrossEntropy of \(batch) in \(classes) classes, smoothing \(smoothing)",
                    at: [randomArray([batch, classes], deviation: 3)],
                    labels: [randomLabels(batch, classes: classes)]
                ) { try $0[0].softmaxCrossEntropy(labels: $0[1], smoothing: smoothing) })
        }
        cases.append(
            OperationCase(
                "softmaxCrossEntropy of large logits", at: [randomArray([3, 5], mean: 500, deviation: 20)],
                labels: [randomLabels(3, classes: 5)]
            ) { try $0[0].softmaxCrossEntropy(labels: $0[1]) })
        for (batch, classes) in [(1, 1), (64, 2), (33, 7), (5, 100)] {
            // Rounded, so that many are equal.
            let logits = randomArray([batch, classes], deviation: 1.5)
            cases.append(
                OperationCase(
                    "rightAnswers of \(batch) in \(classes) classes",
                    at: [NDArray(logits.doubles.map { $0.rounded() }, shape: logits.shape)],
                    labels: [randomLabels(batch, classes: classes)], derivative: .none
                ) { try $0[0].rightAnswers(labels: $0[1]) })
        }
        return cases
    }()

    /// Moments and affine passes.
    public static let normalizations: [OperationCase] = {
        let shapes: [(TensorShape, Int, Double)] = [
            ([4, 3, 3, 5], 1, 0), ([4, 3, 3, 5], 2, 0), ([4, 3, 3, 17], 4, 0), ([1, 5, 7, 1], 1, 0),
            ([2, 4, 4, 8], 1, 1000), ([6, 1, 1, 4], 3, -2),
        ]
        return shapes.flatMap { shape, groups, mean -> [OperationCase] in
            let x = randomArray(shape, mean: mean)
            let vectors = (2..<5).map { randomArray([groups, shape[3]], seed: $0) }
            let near = NDArray(vectors[0].doubles.map { $0 * 0.1 + mean }, shape: vectors[0].shape)
            let positive = NDArray(vectors[0].doubles.map { abs($0) + 0.5 }, shape: vectors[0].shape)
            let fraction = NDArray(
                vectors[1].doubles.map { 1 / (1 + $0 * $0) }, shape: vectors[1].shape)
            let name = "\(shape) in \(groups) groups, mean \(mean)"
            return [
                OperationCase("moments of \(name)", at: [x]) { try $0[0].momentVectors(groups: groups) },
                OperationCase("affine of \(name)", at: [x, near] + vectors[1...]) {
                    try $0[0].affine(mean: $0[1], scale: $0[2], shift: $0[3])
                },
                OperationCase("standardized \(name)", at: [x]) {
                    let (mean, variance) = try $0[0].moments(groups: groups)
                    return try $0[0].affine(
                        mean: mean, scale: (variance + 1e-3).reciprocalSquareRoot(),
                        shift: $0[0].builder.constant(0, shape: mean.shape))
                },
                OperationCase(
                    "affine, each channel projected, of \(name)", at: [x, near] + vectors[1...] + [positive],
                    derivative: .byRule
                ) {
                    try $0[0].affine(
                        mean: $0[1], scale: $0[2], shift: $0[3], projecting: ($0[4], shape[3]))
                },
                OperationCase(
                    "affine, all channels projected, of \(name)", at: [x, near] + vectors[1...] + [positive],
                    derivative: .byRule
                ) {
                    try $0[0].affine(mean: $0[1], scale: $0[2], shift: $0[3], projecting: ($0[4], 1))
                },
                OperationCase(
                    "affine, projected over groups and the step, of \(name)",
                    at: [x, near] + vectors[1...] + [positive, fraction, fraction], derivative: .byRule
                ) {
                    try $0[0].affine(
                        mean: $0[1], scale: $0[2], shift: $0[3], variance: $0[4], groupParts: ($0[5], $0[6]))
                },
            ]
        } + filters
    }()

    /// Averages with gains that tune themselves: new, inherited and going on; few and odd channels.
    private static let filters: [OperationCase] = {
        let states: [(String, Double, [Double])] = [
            ("new", 0, [0, 0, 0, 0, 0, 0]), ("inherited", 7, [0, 0, 0, 0, 0, 0]),
            ("going on", 7, [0.3, 0.9, 0.2, 0.6, 0.4, -0.1]), ("at the floor", 7, [0.002, 1, -1, 1, 1, 1]),
        ]
        let filters = [
            MomentFilter(), MomentFilter(floor: 0.05, ceiling: 0.05), MomentFilter(isArithmetic: true),
            MomentFilter(isTotal: true), MomentFilter(rMax: 1.2, dMax: 0.4),
            MomentFilter(rMax: 1.2, dMax: 0.4, isArithmetic: true),
            MomentFilter(rMax: 1, dMax: 0, isTotal: true), MomentFilter(rMax: .infinity, dMax: .infinity),
            MomentFilter(rMax: 1.2, dMax: 0.4, widening: 0.3),
            MomentFilter(significance: 1), MomentFilter(significance: 1, isArithmetic: true, isTotal: true),
            MomentFilter(significance: .infinity),
        ]
        return [(1, 1), (3, 5), (2, 16), (4, 17)].flatMap { groups, channels -> [OperationCase] in
            let moments = randomArray([2, groups, channels], seed: 3)
            let positive = NDArray(
                moments.doubles.enumerated().map {
                    $0.offset < groups * channels ? $0.element : abs($0.element) + 0.3
                }, shape: moments.shape)
            let deviation = NDArray(
                randomArray([channels], seed: 4).doubles.map { abs($0) + 0.5 }, shape: [channels])
            return filters.flatMap { filter in
                states.map { name, count, gains in
                    OperationCase(
                        "moments of \(groups) groups and \(channels) channels, \(name), filtered by \(filter)",
                        at: [
                            positive, randomArray([channels], seed: 5), deviation,
                            randomArray([2, channels], seed: 6), NDArray(gains, shape: [2, 3]),
                            NDArray([count], shape: []),
                        ], derivative: .none
                    ) {
                        let filtered = try $0[0].filteredMoments(
                            filter, epsilon: 0.01, averages: ($0[1], $0[2]), innovations: $0[3], gains: $0[4],
                            count: $0[5])
                        let parts = [
                            filtered.means, filtered.deviations, filtered.meanGains, filtered.scaleGains,
                            filtered.innovations, filtered.averages, filtered.gains,
                        ]
                        return try Tensor.concatenate(
                            parts.map { try $0.reshaped(to: [$0.shape.elementCount]) }, axis: 0)
                    }
                }
            }
        }
    }()
}
