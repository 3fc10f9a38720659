import RenormArrays

/// A 3×3 convolution of stride 1 whose result is as large as its input.
struct ConvolutionShape: Hashable, CustomStringConvertible {
    var batch: Int
    var height: Int
    var width: Int
    var inputs: Int
    var outputs: Int

    init(_ batch: Int, _ height: Int, _ width: Int, _ inputs: Int, _ outputs: Int) {
        self.batch = batch
        self.height = height
        self.width = width
        self.inputs = inputs
        self.outputs = outputs
    }

    /// Reads N,H,W,C,K.
    init?(_ text: String) {
        let numbers = text.split(separator: ",", omittingEmptySubsequences: false).compactMap { Int($0) }
        guard numbers.count == 5, text.split(separator: ",").count == 5, numbers.allSatisfy({ $0 > 0 })
        else { return nil }
        self.init(numbers[0], numbers[1], numbers[2], numbers[3], numbers[4])
    }

    var description: String { "\(batch),\(height),\(width),\(inputs),\(outputs)" }
    var x: TensorShape { [batch, height, width, inputs] }
    var y: TensorShape { [batch, height, width, outputs] }
    var weight: TensorShape { [outputs, inputs, 3, 3] }

    /// Multiplications and additions of the direct formula, padding included, in each direction.
    var operationCount: Double { 2 * 9 * Double(y.elementCount) * Double(inputs) }

    func ofBatch(atMost most: Int) -> ConvolutionShape {
        ConvolutionShape(min(batch, most), height, width, inputs, outputs)
    }

    /// Those of ResNet-18 on 32×32 and 224×224 (ResNet-50 has the latter too), of `small` on 28×28, and of VGG.
    static let all: [ConvolutionShape] =
        [32, 4].flatMap { batch in
            [(32, 64), (16, 128), (8, 256), (4, 512)].map { size, channels in
                ConvolutionShape(batch, size, size, channels, channels)
            }
        }
        + [4, 16].flatMap { batch in
            [(56, 64), (28, 128), (14, 256), (7, 512)].map { size, channels in
                ConvolutionShape(batch, size, size, channels, channels)
            }
        }
        + [
            ConvolutionShape(1, 7, 7, 512, 512),
            ConvolutionShape(64, 28, 28, 32, 32),
            ConvolutionShape(64, 14, 14, 32, 64),
            ConvolutionShape(64, 14, 14, 64, 64),
            ConvolutionShape(64, 7, 7, 64, 128),
        ]
        + [(224, 64), (112, 128), (56, 256), (28, 512), (14, 512)].map { size, channels in
            ConvolutionShape(4, size, size, channels, channels)
        }
}
