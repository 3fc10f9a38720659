/// Writes placed pictures, each value looked up in a table: as the scaled input of a network, or as bytes.
struct PlacementWriter<Value: BitwiseCopyable & Sendable>: Sendable {
    private let channels: Int
    /// The value of each pixel of each channel, [C × 256].
    private let table: [Value]

    init(channels: Int, table: [Value]) {
        precondition(table.count == channels * 256, "a table of \(table.count) for \(channels) channels")
        self.channels = channels
        self.table = table
    }

    /// Writes the picture as the placement says: [height, width, channels] values at `target`.
    ///
    /// What is copied and not resized is read once and written once.
    func write(
        _ view: PixelView, placed placement: Placement, to target: UnsafeMutablePointer<Value>,
        in workspace: ImageWorkspace
    ) {
        precondition(
            view.size.channels == channels,
            "a source gave an image of \(view.size.channels) channels; expected \(channels)")
        table.withUnsafeBufferPointer { table in
            let table = table.baseAddress!
            if let (top, left) = placement.copiedFrom {
                if view.isWhole, placement.isWhole(of: view.size) {
                    scale(view.pixels, to: target, pixels: view.size.height * view.size.width, table: table)
                } else {
                    copy(view, top: top, left: left, placement, to: target, table: table)
                }
            } else {
                let size = ImageSize(height: placement.height, width: placement.width, channels: channels)
                let placed = workspace.placed.memory(of: size.valueCount).baseAddress!
                resample(view, placement, to: placed, in: workspace)
                copy(
                    PixelView(of: size, pixels: placed), top: 0, left: 0, placement, to: target, table: table)
            }
        }
    }

    /// Looks up every value of a picture that has its place.
    func scale(
        _ source: UnsafePointer<UInt8>, to target: UnsafeMutablePointer<Value>, pixels: Int
    ) {
        table.withUnsafeBufferPointer {
            scale(source, to: target, pixels: pixels, table: $0.baseAddress!)
        }
    }

    private func scale(
        _ source: UnsafePointer<UInt8>, to target: UnsafeMutablePointer<Value>, pixels: Int,
        table: UnsafePointer<Value>
    ) {
        if channels == 1 {
            for index in 0..<pixels { target[index] = table[Int(source[index])] }
            return
        }
        if channels == 3 {
            for pixel in 0..<pixels {
                let (from, to) = (source + 3 &* pixel, target + 3 &* pixel)
                to[0] = table[Int(from[0])]
                to[1] = table[256 &+ Int(from[1])]
                to[2] = table[512 &+ Int(from[2])]
            }
            return
        }
        for pixel in 0..<pixels {
            let start = pixel * channels
            for channel in 0..<channels {
                target[start + channel] = table[channel * 256 + Int(source[start + channel])]
            }
        }
    }

    private func copy(
        _ view: PixelView, top: Int, left: Int, _ placement: Placement,
        to target: UnsafeMutablePointer<Value>, table: UnsafePointer<Value>
    ) {
        let (width, isMirrored) = (placement.width, placement.isMirrored)
        // Before mirroring, columns `inside` of the result come from the picture and the rest from the padding.
        let begin = min(max(0, -left), width)
        let inside = begin..<max(begin, min(width, view.size.width - left))
        let step = isMirrored ? -1 : 1
        func mirrored(_ columns: Range<Int>) -> Range<Int> {
            isMirrored ? width - columns.upperBound..<width - columns.lowerBound : columns
        }
        for y in 0..<placement.height {
            let line = target + (placement.isFlipped ? placement.height - 1 - y : y) * width * channels
            let row = y + top
            guard row >= 0, row < view.size.height, !inside.isEmpty else {
                pad(line, columns: 0..<width, table: table)
                continue
            }
            if inside.count < width {
                pad(line, columns: mirrored(0..<inside.lowerBound), table: table)
                pad(line, columns: mirrored(inside.upperBound..<width), table: table)
            }
            let from = view.pixel(row: row, column: inside.lowerBound + left)
            let to = line + (isMirrored ? width - 1 - inside.lowerBound : inside.lowerBound) * channels
            if channels == 1 {
                for index in 0..<inside.count { to[index &* step] = table[Int(from[index])] }
            } else if channels == 3 {
                for index in 0..<inside.count {
                    let (pixel, place) = (from + 3 &* index, to + 3 &* index &* step)
                    place[0] = table[Int(pixel[0])]
                    place[1] = table[256 &+ Int(pixel[1])]
                    place[2] = table[512 &+ Int(pixel[2])]
                }
            } else {
                for index in 0..<inside.count {
                    for channel in 0..<channels {
                        to[index &* step &* channels &+ channel] =
                            table[channel &* 256 &+ Int(from[index &* channels &+ channel])]
                    }
                }
            }
        }
    }

    private func pad(
        _ line: UnsafeMutablePointer<Value>, columns: Range<Int>, table: UnsafePointer<Value>
    ) {
        for column in columns {
            for channel in 0..<channels { line[column &* channels &+ channel] = table[channel &* 256] }
        }
    }
}

extension PlacementWriter<UInt8> {
    /// A writer of the pixels as they are.
    init(channels: Int) {
        self.init(channels: channels, table: (0..<channels * 256).map { UInt8(truncatingIfNeeded: $0) })
    }
}
