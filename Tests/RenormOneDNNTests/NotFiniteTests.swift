import Renorm
import RenormOneDNN
import RenormTestSupport
import Testing

/// What is not finite stays so, in every pass that an activation can be part of.
@Suite struct NotFiniteTests {
    /// Added to a channel's sums: numbers on both sides of 0 and 6, and everything that is not one.
    static let shifts: [Float] = [0, .nan, .infinity, -.infinity, 7, -3, 2, -.infinity, .nan]

    static let activations: [Activation] = [.relu, .relu6]

    struct Shape: CustomTestStringConvertible {
        var images: TensorShape
        var kernel: Int
        var groups = 1
        var outputs = 32
        var testDescription: String { "\(images) \(kernel)×\(kernel) in \(groups) groups to \(outputs)" }
    }

    /// Layouts, sizes and groups for which oneDNN has passes of their own: few rows and many, few channels, 1×1, depthwise.
    static let shapes = [
        Shape(images: [1, 5, 5, 16], kernel: 3), Shape(images: [4, 14, 14, 32], kernel: 3),
        Shape(images: [2, 9, 9, 3], kernel: 7, outputs: 18), Shape(images: [3, 16, 16, 64], kernel: 1),
        Shape(images: [1, 4, 4, 64], kernel: 1, outputs: 9),
        Shape(images: [2, 12, 12, 32], kernel: 3, groups: 32),
        Shape(images: [1, 3, 3, 9], kernel: 3, groups: 9, outputs: 9),
        Shape(images: [2, 8, 8, 32], kernel: 3, groups: 4),
    ]

    private func shifts(_ shape: TensorShape) -> NDArray {
        NDArray((0..<shape.elementCount).map { Self.shifts[$0 % Self.shifts.count] }, shape: shape)
    }

    /// Numbers of which one is NaN, one ∞ and one −∞.
    private func spoiled(_ shape: TensorShape) -> NDArray {
        var x = randomArray(shape, type: .f32)
        x.withMutableValues(of: Float.self) { values in
            for (place, value) in [Float.nan, .infinity, -.infinity].enumerated() {
                values[(place + 1) * values.count / 5] = value
            }
        }
        return x
    }

    /// A function on both engines, with and without fusion.
    private func compare(
        _ arguments: [NDArray], tolerance: Double = 1e-5, _ function: ([Tensor]) throws -> Tensor
    ) throws {
        let builder = GraphBuilder()
        let inputs = arguments.enumerated().map { builder.input("\($0)", shape: $1.shape) }
        builder.fetch(try function(inputs).converted(to: .f32), as: "y")
        func run(_ engine: any Engine) throws -> NDArray {
            var results: [NDArray] = []
            try engine.compile(builder.graph).run(
                arguments, step: 0, on: engine.makeStore(Variables()), into: &results)
            return results[0]
        }
        let expected = try run(ReferenceEngine())
        try #require(!expected.isFinite)
        for (threads, convolution, isFused) in [
            (1, .direct, true), (2, .direct, true), (1, .direct, false), (2, .winograd, true),
        ] as [(Int, ConvolutionAlgorithm, Bool)] {
            let found = try run(OneDNNEngine(threads: threads, convolution: convolution, isFused: isFused))
            // A sum may reach ∞ where another order of its terms gives NaN.
            let pairs = Array(zip(found.doubles, expected.doubles))
            // Of Winograd's algorithm more may not be finite: all of a tile.
            #expect(
                pairs.allSatisfy { convolution == .winograd && !$0.isFinite || $0.isFinite == $1.isFinite },
                "\(convolution), \(isFused ? "fused" : "not fused")")
            let numbers = pairs.map { $0.isFinite && $1.isFinite ? ($0, $1) : (0, 0) }
            let problem = mismatch(
                NDArray(numbers.map(\.0), shape: found.shape), NDArray(numbers.map(\.1), shape: found.shape),
                tolerance: tolerance, absolute: 1e-6, of: isFused ? "fused" : "not fused")
            #expect(problem == nil)
        }
    }

    @Test(arguments: Self.activations, shapes)
    func convolutionsKeepIt(_ activation: Activation, _ shape: Shape) throws {
        let fan = shape.images[3] / shape.groups
        let weight = randomArray(
            [shape.outputs, fan, shape.kernel, shape.kernel], deviation: 0.2, type: .f32)
        let options = ConvolutionOptions(
            padding: [Int](repeating: shape.kernel / 2, count: 4), groups: shape.groups)
        let result = TensorShape(Array(shape.images.dimensions.dropLast()) + [shape.outputs])
        for precision in [ElementType.f32, .bf16] where precision == .f32 || BF16Tests.isPossible {
            for hasResidual in [false, true] {
                for images in [randomArray(shape.images, type: .f32), spoiled(shape.images)] {
                    try compare(
                        [images, weight, shifts([shape.outputs]), randomArray(result, seed: 3, type: .f32)],
                        tolerance: precision == .f32 ? 1e-5 : 2e-2
                    ) { inputs in
                        let y = try inputs[0].converted(to: precision)
                            .convolution(inputs[1], bias: inputs[2], options: options)
                        let sum = hasResidual ? try y + inputs[3].converted(to: precision) : y
                        return sum.activated(activation)
                    }
                }
            }
        }
    }

    @Test(arguments: Self.activations, [1, 9, 32, 40])
    func ourOwnPassesKeepIt(_ activation: Activation, _ channels: Int) throws {
        let images = spoiled([2, 5, 5, channels])
        let ones = NDArray([Float](repeating: 1, count: channels), shape: [1, channels])
        for precision in [ElementType.f32, .bf16] where precision == .f32 || BF16Tests.isPossible {
            // A normalization by fixed vectors, with and without a residual.
            for hasResidual in [false, true] {
                try compare(
                    [images, ones, shifts([1, channels])], tolerance: precision == .f32 ? 1e-5 : 1e-2
                ) {
                    let x = $0[0].converted(to: precision)
                    let y = try x.affine(mean: $0[1], scale: $0[1], shift: $0[2])
                    return (hasResidual ? try y + x : y).activated(activation)
                }
            }
        }
        try compare([images]) { $0[0].activated(activation) }
        try compare([images]) {
            try $0[0].activated(activation).maxPool(PoolingOptions(window: [2, 2], strides: [2, 2]))
        }
        let weight = randomArray([channels, channels], deviation: 0.3, type: .f32)
        try compare([randomArray([7, channels], type: .f32), weight, shifts([7, channels])]) {
            try ($0[0].matmul($0[1], transposeRight: true) + $0[2]).activated(activation)
        }
    }

    /// Nothing that is finite changes: not the largest numbers, nor the smallest.
    @Test(arguments: Self.activations)
    func numbersStay(_ activation: Activation) throws {
        let values: [Float] = [
            0, 1, -1, 6, 5.9999995, 6.0000005, 1e-30, -1e-30, .leastNormalMagnitude, 1e30, -1e30, 1.7e38,
            -1.7e38, 3, 0.1, -0.1,
        ]
        let x = NDArray((0..<4 * 9 * 16).map { values[($0 * 7) % 16] }, shape: [4, 3, 3, 16])
        let identity = NDArray((0..<256).map { Float($0 % 17 == 0 ? 1 : 0) }, shape: [16, 16, 1, 1])
        let builder = GraphBuilder()
        let y = try builder.input("x", shape: x.shape)
            .convolution(builder.input("weight", shape: identity.shape))
        builder.fetch(y.activated(activation), as: "y")
        let engine = try OneDNNEngine(threads: 1)
        let found = try engine.compile(builder.graph).run(
            ["x": x, "weight": identity], on: engine.makeStore(Variables()))["y"]!
        let expected = x.floats.map { max($0, 0) }.map { activation == .relu6 ? min($0, 6) : $0 }
        #expect(found.floats == expected)
    }
}

extension Tensor {
    fileprivate func activated(_ activation: Activation) -> Tensor {
        activation == .relu ? relu() : relu6()
    }
}
