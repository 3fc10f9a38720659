import RenormArrays
import RenormImages
import RenormTestSupport
import Testing

/// Parts of pictures, decoded alone, against the same parts of whole ones.
@Suite struct PartialDecodingTests {
    private func placement(of size: ImageSize, _ random: inout Random) -> Placement {
        func stretch(_ extent: Int) -> (start: Double, length: Double) {
            let length = max(1, Double(extent) * random.uniform())
            return ((Double(extent) - length) * random.uniform() * 1.1 - Double(extent) * 0.05, length)
        }
        let (rows, columns) = (stretch(size.height), stretch(size.width))
        let isCopied = random.integer(below: 3) == 0
        let crop = Placement.Crop(
            top: isCopied ? rows.start.rounded() : rows.start,
            left: isCopied ? columns.start.rounded() : columns.start,
            height: rows.length.rounded(), width: columns.length.rounded())
        return Placement(
            crop, height: isCopied ? Int(crop.height) : 8, width: isCopied ? Int(crop.width) : 11,
            interpolation: Interpolation.allCases[random.integer(below: 3)])
    }

    @Test func partsHaveTheSameBytesAsTheWhole() throws {
        let pictures = PillowPicture.all.filter {
            $0.name.hasPrefix("large-") || $0.name.hasPrefix("cjpeg-") || $0.name.contains("-RGBA.")
        }
        #expect(pictures.count > 50)
        var random = Random(seed: 5, stream: "parts")
        let workspace = ImageWorkspace()
        var (needed, decoded) = (0, 0)
        for picture in pictures {
            let upright = try PictureHeader(picture)
            let isLarge = picture.name.hasPrefix("large-")
            for orientation in 1...8 {
                var header = upright
                header.orientation = orientation
                if orientation >= 5 { swap(&header.height, &header.width) }
                for reduction in [1, 2, 4, 8] {
                    let options = DecodingOptions(channels: random.integer(below: 4) == 0 ? 1 : 3)
                    let size = ImageSize(
                        height: (header.height + reduction - 1) / reduction,
                        width: (header.width + reduction - 1) / reduction, channels: options.channels)
                    var whole = [UInt8](repeating: 0, count: size.valueCount)
                    try picture.bytes.withUnsafeBytes { bytes in
                        try whole.withUnsafeMutableBufferPointer {
                            try PictureDecoder.read(
                                bytes, header, options, reduction: reduction, path: picture.name, into: $0,
                                in: workspace)
                        }
                        for _ in 0..<(!isLarge ? 1 : testsAreThorough ? 20 : 4) {
                            let placement = placement(of: size, &random)
                            let part = placement.pixelsNeeded(of: size)
                            try PictureDecoder.withPixels(
                                of: bytes, header, options, reduction: reduction, for: placement,
                                path: picture.name, in: workspace
                            ) { view in
                                #expect(view.size == size)
                                if header.format == .jpeg, !part.rows.isEmpty, !part.columns.isEmpty {
                                    #expect((view.rows, view.columns) == part)
                                }
                                needed += part.rows.count * part.columns.count
                                decoded += size.height * size.width
                                let length = view.columns.count * size.channels
                                let isEqual = view.rows.allSatisfy { row in
                                    let line = UnsafeBufferPointer(
                                        start: view.pixels + (row - view.rows.lowerBound) * length,
                                        count: length)
                                    let start = (row * size.width + view.columns.lowerBound) * size.channels
                                    return line.elementsEqual(whole[start..<start + length])
                                }
                                #expect(
                                    isEqual,
                                    "\(picture.name), orientation \(orientation), 1/\(reduction), \(placement)"
                                )
                            }
                        }
                    }
                }
            }
        }
        // Most placements need a small part.
        #expect(needed * 2 < decoded)
    }

    @Test func placementsOutsideNeedNothing() throws {
        let picture = PillowPicture.all.first { $0.name == "large-2x2.jpg" }!
        let header = try PictureHeader(picture)
        let placement = Placement(
            .init(top: 1000, left: 0, height: 5, width: 5), height: 5, width: 5)
        try picture.bytes.withUnsafeBytes { bytes in
            var calls = 0
            try PictureDecoder.withPixels(
                of: bytes, header, DecodingOptions(channels: 3), reduction: 1, for: placement, path: "",
                in: ImageWorkspace()
            ) {
                calls += 1
                #expect($0.size == ImageSize(height: 121, width: 173, channels: 3))
            }
            #expect(calls == 1)
        }
    }
}
