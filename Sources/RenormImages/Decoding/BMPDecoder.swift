import RenormCodecs

/// Bitmaps of Windows and OS/2: numbers of a palette with 1, 4 or 8 bits, as they are or as runs; colours with 16, 24 or 32.
///
/// Source: Microsoft, "Bitmap Storage"; as Pillow reads them, opacity only counts where masks name it.
enum BMPDecoder {
    /// The lengths that headers have.
    static let headerLengths: Set<Int> = [12, 40, 52, 56, 64, 108, 124]

    private enum Compression {
        case none
        case runs
        case masks(red: UInt32, green: UInt32, blue: UInt32, alpha: UInt32)
    }

    private struct Layout {
        var height: Int
        var width: Int
        var isTopDown = false
        var bits: Int
        var compression = Compression.none
        var palette = Palette()
        /// Where the pixels begin.
        var start: Int

        init(_ file: FileBytes) throws {
            start = try file.bytes(at: 10, count: 4).littleEndian32(at: 0)
            let length = try file.bytes(at: 14, count: 4).littleEndian32(at: 0)
            guard BMPDecoder.headerLengths.contains(length) else {
                throw file.damage("its header has the unknown length \(length)")
            }
            let head = try file.bytes(at: 14, count: length)
            var (code, colours, entrySize, end) = (0, 0, 3, 14 + length)
            if length == 12 {
                (width, height) = (head.littleEndian16(at: 4), head.littleEndian16(at: 6))
                bits = head.littleEndian16(at: 10)
            } else {
                width = head.littleEndian32(at: 4)
                let rows = Int(Int32(truncatingIfNeeded: head.littleEndian32(at: 8)))
                (height, isTopDown) = (abs(rows), rows < 0)
                bits = head.littleEndian16(at: 14)
                (code, colours, entrySize) = (head.littleEndian32(at: 16), head.littleEndian32(at: 32), 4)
            }
            guard [1, 4, 8, 16, 24, 32].contains(bits) else {
                throw file.damage("its pixels have \(bits) bits, which is not supported")
            }
            switch (code, bits) {
            case (0, _): break
            case (1, 8), (2, 4): compression = .runs
            case (3, 16), (3, 24), (3, 32):
                guard length != 64 else { throw file.damage("its compression \(code) is not supported") }
                let hasMasks = length >= 52
                let masks = hasMasks ? Array(head[40...]) : try file.bytes(at: end, count: 12)
                if !hasMasks { end += 12 }
                func mask(_ index: Int) -> UInt32 { UInt32(masks.littleEndian32(at: 4 * index)) }
                compression = .masks(
                    red: mask(0), green: mask(1), blue: mask(2),
                    alpha: length >= 56 && bits == 32 ? mask(3) : 0)
            default: throw file.damage("its compression \(code) with \(bits) bits is not supported")
            }
            guard bits <= 8 else {
                if start == 0 { start = end }
                return
            }
            if colours == 0 { colours = 1 << bits }
            // Some programs forget the palette where they say where the pixels begin.
            if start == 0 || start == 14 + length { start = end + entrySize * colours }
            let count = max(min(colours, 1 << bits, (start - end) / entrySize), 0)
            palette = Palette(
                try file.bytes(at: end, count: count * entrySize), entrySize: entrySize, isReversed: true)
        }

        /// The bytes of a row of the file, which fill up words of 4.
        var rowSize: Int { (width * bits + 31) / 32 * 4 }

        /// The fewest bytes that a file of this form has.
        func leastLength(height: Int, width: Int) -> Int {
            if case .runs = compression { return start }
            return start + rowSize * (height - 1) + (width * bits + 7) / 8
        }
    }

    static func header(_ file: FileBytes, _ maxPixels: Int) throws -> PictureHeader {
        let layout = try Layout(file)
        try file.check(
            height: layout.height, width: layout.width, maxPixels: maxPixels, bytesNeeded: layout.leastLength)
        return PictureHeader(
            .bmp, storedHeight: layout.height, storedWidth: layout.width, isColour: true, orientation: 1)
    }

    /// Reads all pixels into memory of their form.
    static func read(
        _ bytes: UnsafeRawBufferPointer, _ file: FileBytes, _ header: PictureHeader,
        in workspace: ImageWorkspace, into memory: (renorm_form) -> UnsafeMutablePointer<UInt8>
    ) throws -> renorm_form {
        let layout = try Layout(file)
        let (height, width) = (layout.height, layout.width)
        guard (height, width) == header.stored else {
            throw file.damage("it is not of the size that its header announced")
        }
        guard bytes.count >= layout.leastLength(height: height, width: width) else {
            throw file.damage("it ends after \(bytes.count) bytes, before its picture does")
        }
        var form = RENORM_FORM_COLOUR
        var masks: (red: UInt32, green: UInt32, blue: UInt32, alpha: UInt32) =
            layout.bits == 16 ? (0x7C00, 0x3E0, 0x1F, 0) : (0xFF_0000, 0xFF00, 0xFF, 0)
        if case .masks(let red, let green, let blue, let alpha) = layout.compression {
            masks = (red, green, blue, alpha)
            if layout.bits == 32, red | green | blue | alpha == 0 {
                masks = (0xFF_0000, 0xFF00, 0xFF, 0xFF00_0000)
            }
            if masks.alpha != 0 { form = RENORM_FORM_COLOUR_ALPHA }
        }
        let pixels = memory(form)
        let size = renorm_form_size(form)
        let indices = workspace.converted.memory(of: layout.bits <= 8 ? height * width : 0)
        if case .runs = layout.compression {
            indices.update(repeating: 0)
            try readRuns(bytes, layout, to: indices, file)
        }
        let samples = [masks.red, masks.green, masks.blue, masks.alpha].prefix(size).map(Sample.init)
        for row in 0..<height {
            let target = pixels + (layout.isTopDown ? row : height - 1 - row) * width * size
            let line = UnsafeRawBufferPointer(
                rebasing: bytes[layout.start...].dropFirst(row * layout.rowSize))
            guard layout.bits <= 8 else {
                writeColours(line, bits: layout.bits, width: width, samples, to: target)
                continue
            }
            let numbers = UnsafeMutableBufferPointer(rebasing: indices[row * width..<(row + 1) * width])
            if case .none = layout.compression {
                let (bits, mask) = (layout.bits, UInt8(1 << layout.bits - 1))
                for column in 0..<width {
                    let place = column * bits
                    numbers[column] = line[place / 8] >> UInt8(8 - bits - place % 8) & mask
                }
            }
            layout.palette.write(UnsafeBufferPointer(numbers), transparent: nil, to: target)
        }
        return form
    }

    /// Some bits of a pixel's number.
    private struct Sample {
        let mask: UInt32
        let shift: UInt32
        let largest: UInt32

        init(_ mask: UInt32) {
            self.mask = mask
            shift = mask == 0 ? 0 : UInt32(mask.trailingZeroBitCount)
            largest = mask >> shift
        }

        /// Spread over 0 to 255, rounded down.
        func value(_ pixel: UInt32) -> UInt8 {
            let value = (pixel & mask) >> shift
            if largest == 255 { return UInt8(truncatingIfNeeded: value) }
            return largest == 0 ? 0 : UInt8(UInt64(value) * 255 / UInt64(largest))
        }
    }

    private static func writeColours(
        _ line: UnsafeRawBufferPointer, bits: Int, width: Int, _ samples: [Sample],
        to target: UnsafeMutablePointer<UInt8>
    ) {
        var place = target
        for column in 0..<width {
            let start = column * bits / 8
            var pixel: UInt32 = 0
            for byte in 0..<bits / 8 { pixel |= UInt32(line[start + byte]) << UInt32(8 * byte) }
            for sample in samples {
                place[0] = sample.value(pixel)
                place += 1
            }
        }
    }

    /// Unpacks runs into rows from the bottom; what they leave out stays as it is.
    private static func readRuns(
        _ bytes: UnsafeRawBufferPointer, _ layout: Layout, to indices: UnsafeMutableBufferPointer<UInt8>,
        _ file: FileBytes
    ) throws {
        let isSmall = layout.bits == 4
        var (place, row, column) = (layout.start, 0, 0)
        func byte(_ offset: Int) throws -> UInt8 {
            guard place + offset < bytes.count else {
                throw file.damage("it ends after \(bytes.count) bytes, before its picture does")
            }
            return bytes[place + offset]
        }
        func put(_ value: UInt8, at index: Int) {
            if column + index < layout.width { indices[row * layout.width + column + index] = value }
        }
        while row < layout.height {
            let (count, value) = (Int(try byte(0)), try byte(1))
            place += 2
            if count > 0 {
                for index in 0..<count {
                    put(isSmall ? (index % 2 == 0 ? value >> 4 : value & 15) : value, at: index)
                }
                column += count
                continue
            }
            switch value {
            case 0: (row, column) = (row + 1, 0)
            case 1: return
            case 2:
                (row, column) = (row + Int(try byte(1)), column + Int(try byte(0)))
                place += 2
            default:
                let count = Int(value)
                for index in 0..<count {
                    if isSmall {
                        let pair = try byte(index / 2)
                        put(index % 2 == 0 ? pair >> 4 : pair & 15, at: index)
                    } else {
                        put(try byte(index), at: index)
                    }
                }
                column += count
                let size = isSmall ? (count + 1) / 2 : count
                place += size + size % 2
            }
        }
    }
}
