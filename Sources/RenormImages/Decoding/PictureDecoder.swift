import RenormArrays
import RenormCodecs

/// Pixels of pictures' files, seen upright: equal to Pillow's `exif_transpose`, `alpha_composite` over the background and `convert`.
public enum PictureDecoder {
    /// The pixels of one file.
    ///
    /// - Parameters:
    ///   - bytes: the whole file.
    ///   - reduction: 1, 2, 4 or 8: by how much the picture is made smaller, see `read`.
    ///   - path: what messages call the file.
    /// - Returns: `u8` [H, W, C].
    /// - Throws: `ImagesError` naming the file if it is no picture, damaged, or of too many pixels.
    public static func decode(
        _ bytes: [UInt8], _ options: DecodingOptions, reduction: Int = 1, path: String
    ) throws -> NDArray {
        try bytes.withUnsafeBytes { bytes in
            guard
                let header = try PictureHeader(
                    prefix: bytes, length: bytes.count, path: path, maxPixels: options.maxPixels)
            else { preconditionFailure("a header needs more than its file") }
            let size = header.size(channels: options.channels, reduction: reduction)
            var pixels = NDArray(uninitialized: TensorShape(size.extents), type: .u8)
            try pixels.withMutableValues(of: UInt8.self) {
                try read(
                    bytes, header, options, reduction: reduction, path: path, into: $0, in: ImageWorkspace())
            }
            return pixels
        }
    }

    /// Writes all pixels.
    ///
    /// - Parameters:
    ///   - bytes: the whole file.
    ///   - header: what its header was found to say.
    ///   - reduction: 1, 2, 4 or 8: by how much the picture is made smaller as it lies in the file, by libjpeg's scaled decoding or by
    ///     averages of boxes.
    ///   - path: what messages call the file.
    ///   - pixels: memory for `header.size(channels:reduction:)`.
    /// - Throws: `ImagesError` naming the file if it is damaged, no longer what the header says, or of too many pixels.
    package static func read(
        _ bytes: UnsafeRawBufferPointer, _ header: PictureHeader, _ options: DecodingOptions, reduction: Int,
        path: String, into pixels: UnsafeMutableBufferPointer<UInt8>, in workspace: ImageWorkspace
    ) throws {
        let size = header.size(channels: options.channels, reduction: reduction)
        precondition(
            pixels.count == size.valueCount, "memory of \(pixels.count) bytes for a picture of \(size)")
        try write(
            bytes, header, options, reduction: reduction, rows: 0..<size.height, columns: 0..<size.width,
            path: path, to: pixels.baseAddress!, in: workspace)
    }

    /// Calls `body` once with the pixels of the (smaller) picture that a placement needs, or with more of them. Of a JPEG no other rows
    /// and columns are decoded; the same bytes come out.
    ///
    /// What stands after these rows in a JPEG is not looked at, so damage there is not found.
    package static func withPixels(
        of bytes: UnsafeRawBufferPointer, _ header: PictureHeader, _ options: DecodingOptions, reduction: Int,
        for placement: Placement, path: String, in workspace: ImageWorkspace, _ body: (PixelView) -> Void
    ) throws {
        let size = header.size(channels: options.channels, reduction: reduction)
        var (rows, columns) = placement.pixelsNeeded(of: size)
        if rows.isEmpty || columns.isEmpty {
            (rows, columns) = (0..<1, 0..<1)
        }
        if header.format != .jpeg { (rows, columns) = (0..<size.height, 0..<size.width) }
        let pixels = workspace.read.memory(of: rows.count * columns.count * size.channels).baseAddress!
        try write(
            bytes, header, options, reduction: reduction, rows: rows, columns: columns, path: path,
            to: pixels,
            in: workspace)
        body(PixelView(of: size, rows: rows, columns: columns, pixels: pixels))
    }

    /// Writes rows and columns, which are all but for JPEGs.
    private static func write(
        _ bytes: UnsafeRawBufferPointer, _ header: PictureHeader, _ options: DecodingOptions, reduction: Int,
        rows: Range<Int>, columns: Range<Int>, path: String, to target: UnsafeMutablePointer<UInt8>,
        in workspace: ImageWorkspace
    ) throws {
        precondition([1, 2, 4, 8].contains(reduction), "pictures are not made \(reduction) times smaller")
        precondition(options.fault == nil, "options of decoding: \(options.fault!)")
        guard header.height * header.width <= options.maxPixels else {
            throw ImagesError.pixelCount(
                path: path, height: header.height, width: header.width,
                largestSide: DecodingOptions.largestSide, largest: options.maxPixels)
        }
        guard bytes.count > 0 else {
            throw ImagesError.undecodable(path: path, format: header.format, reason: "it is empty now")
        }
        let channels = options.channels
        let orientation = Orientation(header.orientation)
        let part = orientation.stored(
            rows: rows, columns: columns, of: header.size(channels: channels, reduction: reduction))
        let isUpright = header.orientation == 1
        var pixels = target
        if header.format == .jpeg {
            if !isUpright {
                pixels = workspace.converted.memory(of: rows.count * columns.count * channels).baseAddress!
            }
            try JPEGDecoder.read(
                bytes, header, channels: channels, reduction: reduction, rows: part.rows,
                columns: part.columns,
                path: path, to: pixels)
        } else {
            let (height, width) = header.stored
            // Where a picture is neither made smaller nor turned, its pixels come at once to where they are wanted.
            let isLast = isUpright && reduction == 1
            let form = try read(bytes, header, path: path, in: workspace) { form in
                let size = height * width * renorm_form_size(form)
                let isWanted = isLast && Int(form.rawValue) == channels
                pixels = isWanted ? target : workspace.decoded.memory(of: size).baseAddress!
                return pixels
            }
            if Int(form.rawValue) != channels {
                let converted =
                    isLast ? target : workspace.converted.memory(of: height * width * channels).baseAddress!
                let background: UInt8 = options.background == .white ? 255 : 0
                renorm_pixels_convert(
                    pixels, form, converted, UInt32(channels), background, height * width)
                pixels = converted
            }
            if reduction > 1 {
                let smaller = isUpright ? target : pixels
                reduce(pixels, height: height, width: width, channels: channels, by: reduction, to: smaller)
                pixels = smaller
            }
        }
        if isUpright { return }
        orientation.write(
            pixels, rows: part.rows.count, columns: part.columns.count, channels: channels, to: target)
    }

    /// Writes the pixels as they lie in a file that is no JPEG into memory of their form.
    private static func read(
        _ bytes: UnsafeRawBufferPointer, _ header: PictureHeader, path: String, in workspace: ImageWorkspace,
        into memory: (renorm_form) -> UnsafeMutablePointer<UInt8>
    ) throws -> renorm_form {
        if header.format == .png { return try PNGDecoder.read(bytes, header, path: path, into: memory) }
        let file = FileBytes(length: bytes.count, path: path, format: header.format) { place, target in
            target.copyMemory(from: UnsafeRawBufferPointer(rebasing: bytes[place..<place + target.count]))
        }
        return switch header.format {
        case .webp: try WebPDecoder.read(bytes, file, header, into: memory)
        case .gif: try GIFDecoder.read(bytes, file, header, in: workspace, into: memory)
        default: try BMPDecoder.read(bytes, file, header, in: workspace, into: memory)
        }
    }

    /// Averages of boxes of pixels, rounded as Pillow's `Image.reduce` rounds them; at the right and at the bottom of what is there.
    /// The target may be the source.
    private static func reduce(
        _ source: UnsafePointer<UInt8>, height: Int, width: Int, channels: Int, by reduction: Int,
        to target: UnsafeMutablePointer<UInt8>
    ) {
        var place = target
        for top in stride(from: 0, to: height, by: reduction) {
            let rows = min(reduction, height - top)
            for left in stride(from: 0, to: width, by: reduction) {
                let columns = min(reduction, width - left)
                let count = UInt32(rows * columns)
                let factor = UInt32(Float(1 << 32 as UInt64) / Float(count << 8))
                let corner = source + (top * width + left) * channels
                for channel in 0..<channels {
                    var sum = count / 2
                    for row in 0..<rows {
                        let line = corner + row * width * channels + channel
                        for column in 0..<columns { sum &+= UInt32(line[column &* channels]) }
                    }
                    place[channel] = UInt8(truncatingIfNeeded: (sum &* factor) >> 24)
                }
                place += channels
            }
        }
    }
}
