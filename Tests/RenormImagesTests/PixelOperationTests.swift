import RenormImages
import Testing

@Suite struct PixelOperationTests {
    private func operation(_ name: String, _ strength: Double) throws -> PixelOperation {
        switch name {
        case "brightness": .brightness(strength)
        case "contrast": .contrast(strength)
        case "saturation": .saturation(strength)
        case "hue": .hue(strength)
        case "sharpness": .sharpness(strength)
        case "posterize": .posterize(Int(strength))
        case "solarize": .solarize(strength)
        case "autocontrast": .autocontrast
        case "equalize": .equalize
        case "shear-x": .shearX(strength)
        case "shear-y": .shearY(strength)
        case "translate-x": .translateX(Int(strength))
        case "translate-y": .translateY(Int(strength))
        case "rotate": .rotate(strength)
        default: throw Unknown(name: name)
        }
    }

    private struct Unknown: Error {
        let name: String
    }

    /// The file is made by scripts/fixtures/augmentations.py.
    @Test func operationsAreTorchvisionsToTheBit() throws {
        let cases = try AugmentationFixture.read().operations
        #expect(cases.count > 300)
        for one in cases {
            let size = ImageSize(height: one.picture[0], width: one.picture[1], channels: one.picture[2])
            var pixels = one.pixels()
            var spare = [UInt8](repeating: 0, count: pixels.count)
            try pixels.withUnsafeMutableBufferPointer {
                MutablePixels(of: size, $0.baseAddress!).apply(
                    try operation(one.operation, one.strength), spare: &spare)
            }
            let hash = pixels.reduce(0xcbf2_9ce4_8422_2325 as UInt64) {
                ($0 ^ UInt64($1)) &* 0x100_0000_01b3
            }
            let expected = try #require(UInt64(one.hash, radix: 16))
            #expect(hash == expected, "\(one.operation) \(one.strength) of \(one.picture)")
        }
    }

    @Test func strengthsOfTrivialAugmentAreTorchvisions() throws {
        let magnitudes = try AugmentationFixture.read().trivial.magnitudes
        let names = [
            nil, "ShearX", "ShearY", "TranslateX", "TranslateY", "Rotate", "Brightness", "Color", "Contrast",
            "Sharpness", "Posterize", "Solarize",
        ]
        for (number, name) in names.enumerated() {
            guard let name else { continue }
            let expected = try #require(magnitudes[name])
            for (bin, magnitude) in expected.enumerated() {
                for isNegative in [false, true] {
                    let signed = isNegative ? -magnitude : magnitude
                    let operation = TrivialOperations.operation(number, bin: bin, isNegative: isNegative)
                    let right: PixelOperation =
                        switch name {
                        case "ShearX": .shearX(signed)
                        case "ShearY": .shearY(signed)
                        case "TranslateX": .translateX(Int(signed))
                        case "TranslateY": .translateY(Int(signed))
                        case "Rotate": .rotate(signed)
                        case "Brightness": .brightness(1 + signed)
                        case "Color": .saturation(1 + signed)
                        case "Contrast": .contrast(1 + signed)
                        case "Sharpness": .sharpness(1 + signed)
                        case "Posterize": .posterize(Int(magnitude))
                        default: .solarize(magnitude)
                        }
                    #expect(operation == right)
                }
            }
        }
        #expect(TrivialOperations.operation(0, bin: 3, isNegative: true) == nil)
        #expect(TrivialOperations.operation(12, bin: 3, isNegative: true) == .autocontrast)
        #expect(TrivialOperations.operation(13, bin: 3, isNegative: true) == .equalize)
    }
}
