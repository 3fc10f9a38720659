#if canImport(Darwin)
    import Darwin
#else
    import Glibc
#endif

extension MutablePixels {
    /// Blends the picture with itself smoothed: (its neighbours + 5 · itself) / 13 in f32; at the edges it stays.
    func sharpen(from old: UnsafeMutablePointer<UInt8>, _ factor: Double) {
        guard size.height >= 3, size.width >= 3, factor != 1 else { return }
        let (channels, row, factor) = (size.channels, size.width * size.channels, Float(factor))
        let (side, middle) = (Float(1) / 13, Float(5) / 13)
        for y in 1..<size.height - 1 {
            for place in y * row + channels..<(y + 1) * row - channels {
                @inline(__always) func three(_ at: Int, _ weight: Float) -> Float {
                    Float(old[at - channels]) * side + Float(old[at]) * weight + Float(old[at + channels])
                        * side
                }
                // In Pillow's order: the row below first.
                var sum: Float = 0.5
                sum += three(place + row, side)
                sum += three(place, middle)
                sum += three(place - row, side)
                let smooth = UInt8(max(0, min(255, sum)))
                values[place] = blended(Int(smooth), Int(old[place]), factor)
            }
        }
    }

    /// The factor as it comes out of torchvision's way through degrees.
    func sheared(_ factor: Double) -> Double { tan(atan(factor) * (180 / .pi) * (.pi / 180)) }

    func rotate(from old: UnsafeMutablePointer<UInt8>, _ degrees: Double) {
        var turn = fmod(degrees, 360)
        if turn < 0 { turn += 360 }
        let radians = -(turn * (.pi / 180))
        // So many digits that a right angle is one.
        let cosine = (cos(radians) * 1e15).rounded() / 1e15
        let sine = (sin(radians) * 1e15).rounded() / 1e15
        let (x, y) = (Double(size.width) / 2, Double(size.height) / 2)
        transform(
            from: old, (cosine, sine, cosine * -x + sine * -y + x),
            (-sine, cosine, -sine * -x + cosine * -y + y)
        )
    }

    /// Each new pixel is the old one at (a·x + b·y + c, d·x + e·y + f) of its middle, in steps of 2⁻¹⁶, as Pillow computes it.
    func transform(
        from old: UnsafeMutablePointer<UInt8>, _ column: (Double, Double, Double),
        _ row: (Double, Double, Double)
    ) {
        func fixed(_ value: Double) -> Int { Int(floor(value * 65536 + 0.5)) }
        let (acrossX, acrossY) = (fixed(column.0), fixed(row.0))
        let (downX, downY) = (fixed(column.1), fixed(row.1))
        var startX = fixed(column.2 + column.0 * 0.5 + column.1 * 0.5)
        var startY = fixed(row.2 + row.0 * 0.5 + row.1 * 0.5)
        let channels = size.channels
        var target = values
        for _ in 0..<size.height {
            var (x, y) = (startX, startY)
            for _ in 0..<size.width {
                let (oldColumn, oldRow) = (x >> 16, y >> 16)
                if oldColumn >= 0, oldColumn < size.width, oldRow >= 0, oldRow < size.height {
                    let from = old + (oldRow * size.width + oldColumn) * channels
                    for channel in 0..<channels { target[channel] = from[channel] }
                } else {
                    for channel in 0..<channels { target[channel] = 0 }
                }
                target += channels
                x += acrossX
                y += acrossY
            }
            startX += downX
            startY += downY
        }
    }
}
