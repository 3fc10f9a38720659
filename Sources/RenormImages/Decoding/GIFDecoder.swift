import RenormCodecs

/// GIF files: the first frame, on a screen of its transparent colour or else of the first one.
///
/// Source: GIF 89a specification.
enum GIFDecoder {
    /// What stands before the first frame's pixels.
    private struct Layout {
        /// Of the screen, or more if the frame reaches beyond it, as in Pillow.
        var height: Int
        var width: Int
        var frame = (top: 0, left: 0, height: 0, width: 0)
        var palette = Palette()
        var transparent: UInt8?
        var isInterlaced = false
        /// The bits of the codes for colours.
        var depth = 0
        /// Where the blocks of codes begin.
        var start = 0

        init(_ file: FileBytes) throws {
            let head = try file.bytes(at: 6, count: 7)
            (width, height) = (head.littleEndian16(at: 0), head.littleEndian16(at: 2))
            var place = 13
            try readPalette(file, flags: head[4], &place)
            while true {
                switch try file.bytes(at: place, count: 1)[0] {
                case UInt8(ascii: "!"):
                    let label = try file.bytes(at: place + 1, count: 2)
                    if label[0] == 0xF9, label[1] >= 4 {
                        let control = try file.bytes(at: place + 3, count: 4)
                        if control[0] & 1 != 0 { transparent = control[3] }
                    }
                    place += 2
                    while case let length = Int(try file.bytes(at: place, count: 1)[0]), length > 0 {
                        place += 1 + length
                    }
                    place += 1
                case UInt8(ascii: ","):
                    let head = try file.bytes(at: place + 1, count: 9)
                    frame = (
                        head.littleEndian16(at: 2), head.littleEndian16(at: 0), head.littleEndian16(at: 6),
                        head.littleEndian16(at: 4)
                    )
                    isInterlaced = head[8] & 64 != 0
                    place += 10
                    try readPalette(file, flags: head[8], &place)
                    depth = Int(try file.bytes(at: place, count: 1)[0])
                    start = place + 1
                    width = max(width, frame.left + frame.width)
                    height = max(height, frame.top + frame.height)
                    guard frame.height > 0, frame.width > 0 else {
                        throw file.damage("its first frame has no pixels")
                    }
                    guard (1...11).contains(depth) else {
                        throw file.damage("its codes have \(depth) bits; from 1 to 11 are possible")
                    }
                    return
                case UInt8(ascii: ";"): throw file.damage("it holds no picture")
                case 0: place += 1
                case let byte: throw file.damage("its header goes on with the unknown block \(byte)")
                }
            }
        }

        private mutating func readPalette(_ file: FileBytes, flags: UInt8, _ place: inout Int) throws {
            guard flags & 128 != 0 else { return }
            let count = 3 << (Int(flags & 7) + 1)
            palette = Palette(try file.bytes(at: place, count: count), entrySize: 3, isReversed: false)
            place += count
        }
    }

    static func header(_ file: FileBytes, _ maxPixels: Int) throws -> PictureHeader {
        let layout = try Layout(file)
        // A code of 12 bits stands for less than 4,096 pixels.
        try file.check(height: layout.height, width: layout.width, maxPixels: maxPixels) { _, _ in
            layout.frame.height * layout.frame.width / 4096
        }
        return PictureHeader(
            .gif, storedHeight: layout.height, storedWidth: layout.width, isColour: true, orientation: 1)
    }

    /// Reads all pixels into memory of their form.
    static func read(
        _ bytes: UnsafeRawBufferPointer, _ file: FileBytes, _ header: PictureHeader,
        in workspace: ImageWorkspace, into memory: (renorm_form) -> UnsafeMutablePointer<UInt8>
    ) throws -> renorm_form {
        let layout = try Layout(file)
        guard (layout.height, layout.width) == header.stored else {
            throw file.damage("it is not of the size that its header announced")
        }
        let frame = layout.frame
        let fill = layout.transparent ?? 0
        let codes = workspace.converted.memory(of: frame.height * frame.width)
        let count = try LZW.read(bytes, from: layout.start, depth: layout.depth, to: codes, file)
        guard count == codes.count else {
            throw file.damage("it has only \(count) of the \(codes.count) pixels that it announces")
        }
        let form: renorm_form = layout.transparent == nil ? RENORM_FORM_COLOUR : RENORM_FORM_COLOUR_ALPHA
        let pixels = memory(form)
        let size = renorm_form_size(form)
        if (frame.height, frame.width) != header.stored {
            withUnsafeTemporaryAllocation(of: UInt8.self, capacity: layout.width) { line in
                line.initialize(repeating: fill)
                for row in 0..<layout.height {
                    layout.palette.write(
                        UnsafeBufferPointer(line), transparent: layout.transparent,
                        to: pixels + row * layout.width * size)
                }
            }
        }
        for (line, row) in order(of: frame.height, isInterlaced: layout.isInterlaced).enumerated() {
            layout.palette.write(
                UnsafeBufferPointer(rebasing: codes[line * frame.width..<(line + 1) * frame.width]),
                transparent: layout.transparent,
                to: pixels + ((frame.top + row) * layout.width + frame.left) * size)
        }
        return form
    }

    /// The rows in the order in which they lie in the file.
    private static func order(of height: Int, isInterlaced: Bool) -> [Int] {
        guard isInterlaced else { return Array(0..<height) }
        return [(0, 8), (4, 8), (2, 4), (1, 2)].flatMap { Array(stride(from: $0.0, to: height, by: $0.1)) }
    }
}
