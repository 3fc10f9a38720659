import Renorm
import Testing

@Suite struct ShuffleNetV2Tests {
    /// What torchvision says of its weights of each width.
    @Test(arguments: [("0.5", 1_366_792, 0.04), ("1.5", 3_503_624, 0.296), ("2", 7_393_996, 0.583)])
    func widthsCostWhatTorchvisions(_ width: String, parameters: Int, gigaMultiplyAdds: Double) throws {
        let network = Architecture(
            name: "shufflenetv2:\(width)", classes: 1000, input: [224, 224, 3],
            normalization: Normalization(.batch))
        let description = try ModelDescription(of: network.makeLayer(), input: network.input)
        #expect(description.parameters == parameters)
        #expect(abs(Double(description.multiplyAdds) / 1e9 - gigaMultiplyAdds) < 0.0006)
    }

    @Test func otherWidthsAreErrors() {
        for width in ["0.25", "3", "x", ""] {
            let network = Architecture(
                name: "shufflenetv2:\(width)", classes: 10, input: [64, 64, 3],
                normalization: Normalization(.batch))
            #expect(throws: GraphError.self) { try network.makeLayer() }
        }
    }
}
