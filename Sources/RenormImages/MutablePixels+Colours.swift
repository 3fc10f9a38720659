import RenormKernels

/// `degenerate` + factor · (value − `degenerate`) in f32, cut off: Pillow's `Image.blend`.
@inline(__always)
func blended(_ degenerate: Int, _ value: Int, _ factor: Float) -> UInt8 {
    UInt8(max(0, min(255, Float(degenerate) + factor * Float(value - degenerate))))
}

extension MutablePixels {
    private var pixelCount: Int { size.height * size.width }

    /// Replaces every value by that of a table.
    func look(up value: (Int) -> UInt8) {
        withUnsafeTemporaryAllocation(of: UInt8.self, capacity: 256) { table in
            for index in 0..<256 { table[index] = value(index) }
            for place in 0..<size.valueCount { values[place] = table[Int(values[place])] }
        }
    }

    func blend(with degenerate: Int, _ factor: Double) {
        look { blended(degenerate, $0, Float(factor)) }
    }

    /// The mean of the picture's gray, rounded.
    var meanGray: Int {
        var sum = 0
        if size.channels == 3 {
            for pixel in 0..<pixelCount {
                sum += Int(luma(values[3 * pixel], values[3 * pixel + 1], values[3 * pixel + 2]))
            }
        } else {
            for place in 0..<size.valueCount { sum += Int(values[place]) }
        }
        return Int(Double(sum) / Double(pixelCount) + 0.5)
    }

    func saturate(_ factor: Double) {
        guard size.channels == 3 else { return }
        renorm_saturate(renorm_instructions_current(), pixelCount, Float(factor), values)
    }

    func turnHue(by shift: Double) {
        guard size.channels == 3 else { return }
        let turns = UInt8(truncatingIfNeeded: Int(shift * 255))
        renorm_turn_hue(renorm_instructions_current(), pixelCount, turns, values)
    }

    func stretch() {
        lookUpByHistogram { counts, table in
            guard let low = counts.firstIndex(where: { $0 > 0 }),
                let high = counts.lastIndex(where: { $0 > 0 }),
                low < high
            else { return }
            let scale = 255.0 / Double(high - low)
            let offset = -Double(low) * scale
            for value in 0..<256 { table[value] = UInt8(min(max(Double(value) * scale + offset, 0), 255)) }
        }
    }

    func equalize() {
        lookUpByHistogram { counts, table in
            // Of the largest value there is nothing above to make room for.
            guard let last = counts.lastIndex(where: { $0 > 0 }) else { return }
            let step = (pixelCount - counts[last]) / 255
            guard step > 0 else { return }
            var sum = step / 2
            for value in 0..<256 {
                table[value] = UInt8(min(sum / step, 255))
                sum += counts[value]
            }
        }
    }

    /// Replaces the values of each channel by those of a table that is made of how often they occur, and begins as it is.
    private func lookUpByHistogram(
        _ fill: (UnsafeMutableBufferPointer<Int>, UnsafeMutableBufferPointer<UInt8>) -> Void
    ) {
        let channels = size.channels
        withUnsafeTemporaryAllocation(of: Int.self, capacity: 256) { counts in
            withUnsafeTemporaryAllocation(of: UInt8.self, capacity: 256) { table in
                for channel in 0..<channels {
                    for value in 0..<256 { (counts[value], table[value]) = (0, UInt8(value)) }
                    for pixel in 0..<pixelCount { counts[Int(values[pixel * channels + channel])] += 1 }
                    fill(counts, table)
                    for pixel in 0..<pixelCount {
                        let place = pixel * channels + channel
                        values[place] = table[Int(values[place])]
                    }
                }
            }
        }
    }
}
