import RenormKernels
import Testing

extension KernelTests {
    @Suite struct Colours {
        private let sets: [renorm_instructions] = [.baseline, .avx2, .avx512]

        /// Pixels of many colours, gray ones and pure ones among them.
        private func pixels(_ count: Int) -> [UInt8] {
            var numbers = Numbers(7)
            var values = (0..<3 * count).map { _ in UInt8(numbers.unit() * 256) }
            for pixel in stride(from: 0, to: count, by: 5) {
                for channel in 0..<3 where numbers.unit() < 0.8 {
                    values[3 * pixel + channel] = [0, 128, 255][pixel % 3]
                }
            }
            return values
        }

        /// Pillow's: hue, saturation and value in bytes, after colorsys of Python.
        private func turned(_ old: ArraySlice<UInt8>, _ shift: UInt8) -> [UInt8] {
            let (r, g, b) = (old[old.startIndex], old[old.startIndex + 1], old[old.startIndex + 2])
            let (high, low) = (max(r, g, b), min(r, g, b))
            guard high > low else { return [high, high, high] }
            let range = Float(high - low)
            let (red, green, blue) = (
                Float(high - r) / range, Float(high - g) / range, Float(high - b) / range
            )
            var hue: Float
            if r == high {
                hue = blue - green
            } else if g == high {
                hue = Float(2 + Double(red) - Double(blue))
            } else {
                hue = Float(4 + Double(green) - Double(red))
            }
            hue = Float((Double(hue) / 6 + 1).truncatingRemainder(dividingBy: 1))
            let saturation = UInt8(Double(range / Float(high)) * 255)
            let place = Double(UInt8(Double(hue) * 255) &+ shift) * 6 / 255
            guard saturation > 0 else { return [high, high, high] }
            let fraction = Float(place - place.rounded(.down))
            let s = Float(Double(saturation) / 255)
            func part(_ less: Double) -> UInt8 { UInt8((Double(high) * (1 - less)).rounded()) }
            let (p, q, t) = (
                part(Double(s)), part(Double(s * fraction)), part(Double(s) * (1 - Double(fraction)))
            )
            return [
                [high, t, p], [q, high, p], [p, high, t], [p, q, high], [t, p, high], [high, p, q],
            ][
                Int(place) % 6]
        }

        @Test(arguments: [0, 1, 5, 16, 33, 5000], [0, 1, 77, 200] as [UInt8])
        func huesAreTurned(count: Int, shift: UInt8) {
            let old = pixels(count)
            let expected = (0..<count).flatMap { turned(old[3 * $0..<3 * $0 + 3], shift) }
            for set in sets {
                var new = old + [77]
                renorm_turn_hue(set, count, shift, &new)
                #expect(new == expected + [77], "\(set)")
            }
        }

        @Test(arguments: [0, 1, 5, 16, 33, 5000], [0, 0.4, 1, 1.7] as [Float])
        func coloursAreMovedFromTheirGray(count: Int, factor: Float) {
            let old = pixels(count)
            var expected: [UInt8] = []
            for pixel in 0..<count {
                let colour = old[3 * pixel..<3 * pixel + 3].map(Int.init)
                let gray = (19595 * colour[0] + 38470 * colour[1] + 7471 * colour[2] + 0x8000) >> 16
                for value in colour {
                    let moved = Float(gray) + factor * Float(value - gray)
                    expected.append(UInt8(min(max(moved, 0), 255)))
                }
            }
            for set in sets {
                var new = old + [77]
                renorm_saturate(set, count, factor, &new)
                #expect(new == expected + [77], "\(set)")
            }
        }
    }
}
