/// The operations of TrivialAugment in its wide form and their strengths, as torchvision has them.
package enum TrivialOperations {
    /// Operation 0 to 13 at strength 0 to 30; `nil` for the first, which does nothing.
    package static func operation(_ number: Int, bin: Int, isNegative: Bool) -> PixelOperation? {
        func signed(_ largest: Float) -> Double {
            let strength = Double(TrivialOperations.strength(0, largest, bin))
            return isNegative ? -strength : strength
        }
        switch number {
        case 0: return nil
        case 1: return .shearX(signed(0.99))
        case 2: return .shearY(signed(0.99))
        case 3: return .translateX(Int(signed(32)))
        case 4: return .translateY(Int(signed(32)))
        case 5: return .rotate(signed(135))
        case 6: return .brightness(1 + signed(0.99))
        case 7: return .saturation(1 + signed(0.99))
        case 8: return .contrast(1 + signed(0.99))
        case 9: return .sharpness(1 + signed(0.99))
        case 10: return .posterize(8 - Int((Float(bin) / 5).rounded(.toNearestOrEven)))
        case 11: return .solarize(Double(strength(1, 0, bin)))
        case 12: return .autocontrast
        case 13: return .equalize
        default: preconditionFailure("operation \(number) of 14")
        }
    }

    /// Place `bin` of 31 between two numbers, computed in f32 from the nearer end, rounded once.
    private static func strength(_ first: Float, _ last: Float, _ bin: Int) -> Float {
        let step = (last - first) / 30
        return bin < 15
            ? first.addingProduct(step, Float(bin)) : last.addingProduct(-step, Float(30 - bin))
    }
}
