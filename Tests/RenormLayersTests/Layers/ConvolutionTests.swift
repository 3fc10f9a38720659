import Renorm
import RenormTestSupport
import Testing

@Suite struct ConvolutionTests {
    private func shape(_ layer: any Layer, _ input: TensorShape) throws -> TensorShape {
        let images = NDArray(repeating: 0.0, shape: TensorShape([1] + input.dimensions))
        return try Model(layer, input: input).output(images).shape
    }

    /// ⌈extent / stride⌉ windows.
    @Test(arguments: [
        (7, 3, 1, 1, 7), (7, 3, 2, 1, 4), (8, 3, 2, 1, 4), (8, 2, 1, 1, 8), (5, 4, 3, 1, 2), (9, 3, 1, 2, 9),
        (9, 3, 2, 3, 5), (6, 1, 2, 1, 3), (1, 5, 1, 1, 1),
    ])
    func sameGivesAsManyWindowsAsStridesFit(
        _ row: (extent: Int, kernel: Int, stride: Int, dilation: Int, windows: Int)
    ) throws {
        let layer = Convolution(
            2, kernel: row.kernel, stride: row.stride, padding: .same, dilation: row.dilation)
        let found = try shape(layer, [row.extent, row.extent, 3])
        #expect(found == [1, row.windows, row.windows, 2])
    }

    /// An even window has an odd number of zeros: one more at the bottom and right.
    @Test func theOddCellOfSameIsAtTheEnd() throws {
        var model = try Model(Convolution(1, kernel: 2, padding: .same, bias: false), input: [3, 3, 1])
        model.variables["weight"]!.value = NDArray([1, 10, 100, 1000] as [Float], shape: [1, 1, 2, 2])
        let images = NDArray((1...9).map(Double.init), shape: [1, 3, 3, 1])
        let found = try model.output(images).doubles
        #expect(found == [5421, 6532, 603, 8754, 9865, 906, 87, 98, 9])
        let pooled = try Model(MaxPool(2, stride: 1, padding: .same), input: [3, 3, 1]).output(images)
        #expect(pooled.doubles == [5, 6, 6, 8, 9, 9, 8, 9, 9])
        let averaged = try Model(
            AveragePool(2, stride: 1, padding: .same, countsPadding: false), input: [3, 3, 1])
        #expect(try averaged.output(images).doubles == [3, 4, 4.5, 6, 7, 7.5, 7.5, 8.5, 9])
    }

    @Test func paddingsOfTheOtherKinds() throws {
        #expect(try shape(Convolution(2, kernel: 3, padding: .valid), [7, 5, 1]) == [1, 5, 3, 2])
        #expect(try shape(Convolution(2, kernel: 3, padding: .all(2)), [7, 5, 1]) == [1, 9, 7, 2])
        let uneven = Padding.explicit(top: 1, bottom: 0, left: 0, right: 2)
        #expect(try shape(Convolution(2, kernel: 3, padding: uneven), [7, 5, 1]) == [1, 6, 5, 2])
    }

    @Test func depthwiseHasOneWindowForEachChannel() throws {
        let model = try Model(Convolution.depthwise(kernel: 3), input: [5, 5, 6], seed: 1)
        #expect(model.variables["weight"]!.value.shape == [6, 1, 3, 3])
        #expect(model.variables["bias"]!.value.shape == [6])
        let images = randomArray([2, 5, 5, 6])
        let output = try model.output(images)
        for channel in 0..<6 {
            var alone = try Model(Convolution(1, kernel: 3), input: [5, 5, 1])
            alone.variables["weight"]!.value = model.variables["weight"]!.value.rows(channel..<channel + 1)
            let part = NDArray(images.channel(channel, examples: 0..<2), shape: [2, 5, 5, 1])
            let expected = vector(try alone.output(part).doubles)
            let found = vector(output.channel(channel, examples: 0..<2))
            #expect(mismatch(found, expected, tolerance: 1e-14) == nil)
        }
    }

    @Test(arguments: [
        (Convolution(4, kernel: 3, groups: 3), "found 3 groups of 4 input and 4 output channels"),
        (Convolution(3, kernel: 3, groups: 2), "found 2 groups of 4 input and 3 output channels"),
        (Convolution(0, kernel: 3), "found 1 groups of 4 input and 0 output channels"),
        (Convolution(4, kernel: 3, groups: 0), "found 0 groups of 4 input and 4 output channels"),
        (Convolution(4, kernel: 0), "found a kernel of [0, 0]"),
    ])
    func optionsThatDoNotFitAreErrors(_ row: (layer: Convolution, found: String)) {
        let error = #expect(throws: GraphError.self) {
            try Model(row.layer.named("conv1"), input: [6, 6, 4])
        }
        #expect(error?.description.hasPrefix("convolution at 'conv1': \(row.found); expected ") == true)
    }

    @Test func vectorsAreNoImages() {
        for layer in [Convolution(2, kernel: 1), MaxPool(2), AveragePool(2)] as [any Layer] {
            let error = #expect(throws: GraphError.self) { try Model(layer.named("a"), input: [6]) }
            #expect(error?.description.contains("at 'a': found [1, 6]; expected images [N, H, W, C]") == true)
        }
        let error = #expect(throws: GraphError.self) { try Model(Dense(2).named("fc"), input: [2, 2, 1]) }
        #expect(error?.description.contains("put Flatten or GlobalAveragePool before it") == true)
    }

    @Test func summariesSayWhatDiffersFromTheUsual() {
        #expect(Convolution(8, kernel: 3).summary == "convolution 3×3")
        #expect(
            Convolution(8, kernel: 5, stride: 2, dilation: 3, groups: 4).summary
                == "convolution 5×5 stride 2 dilation 3 groups 4")
        #expect(Convolution.depthwise(kernel: 3).summary == "convolution 3×3 depthwise")
        var layer = Convolution(8, kernel: 3)
        (layer.kernel, layer.strides) = ([1, 7], [1, 2])
        #expect(layer.summary == "convolution 1×7 stride 1×2")
    }
}
