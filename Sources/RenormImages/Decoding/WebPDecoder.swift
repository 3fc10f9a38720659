import RenormCodecs

/// WebP files, through libwebp.
enum WebPDecoder {
    /// Where a file's chunks say that its picture, or its first frame, is.
    ///
    /// Source: WebP Container Specification.
    private struct Layout {
        /// Of the picture, or of the canvas that frames lie on.
        var height: Int
        var width: Int
        var orientation = 1
        /// The first frame of an animation, and the bytes of its content.
        var frame: (top: Int, left: Int, height: Int, width: Int, content: Range<Int>)?

        init(_ file: FileBytes) throws {
            let start = try file.bytes(at: 12, count: 18)
            let name = start[..<4]
            if name.elementsEqual(Array("VP8 ".utf8)) {
                let key = start[8...]
                guard key[8] & 1 == 0, Array(key[11...13]) == [0x9D, 0x01, 0x2A] else {
                    throw file.damage("its picture is damaged")
                }
                (width, height) = (
                    start.littleEndian16(at: 14) & 0x3FFF, start.littleEndian16(at: 16) & 0x3FFF
                )
            } else if name.elementsEqual(Array("VP8L".utf8)) {
                guard start[8] == 0x2F else { throw file.damage("its picture is damaged") }
                let bits = start.littleEndian32(at: 9)
                (width, height) = ((bits & 0x3FFF) + 1, (bits >> 14 & 0x3FFF) + 1)
            } else if name.elementsEqual(Array("VP8X".utf8)) {
                width = (start.littleEndian32(at: 12) & 0xFF_FFFF) + 1
                height = (start.littleEndian32(at: 14) >> 8) + 1
                try readChunks(file, flags: start[8], after: 20 + start.littleEndian32(at: 4))
            } else {
                throw file.damage("it does not begin with a picture or its extended header")
            }
        }

        /// Looks for the first frame and for EXIF's data.
        private mutating func readChunks(_ file: FileBytes, flags: UInt8, after start: Int) throws {
            var (needsFrame, needsExif, needsXMP) = (flags & 2 != 0, flags & 8 != 0, flags & 4 != 0)
            let isAnimated = needsFrame
            var (exif, xmp): (Int?, Int?)
            let end = min(file.length, 8 + (try file.bytes(at: 4, count: 4)).littleEndian32(at: 0))
            var place = start + start % 2
            while needsFrame || needsExif || needsXMP, place + 8 <= end {
                let head = try file.bytes(at: place, count: 8)
                let (name, length) = (Array(head[..<4]), head.littleEndian32(at: 4))
                place += 8
                guard length <= end - place else { break }
                if needsFrame, name == Array("ANMF".utf8), length >= 16 {
                    let frame = try file.bytes(at: place, count: 16)
                    func number(_ at: Int) -> Int { frame.littleEndian16(at: at) | Int(frame[at + 2]) << 16 }
                    self.frame = (
                        2 * number(3), 2 * number(0), number(9) + 1, number(6) + 1,
                        place + 16..<place + length
                    )
                    needsFrame = false
                } else if needsExif, name == Array("EXIF".utf8) {
                    exif = Orientation.number(exif: try file.bytes(at: place, count: length))
                    (needsExif, needsXMP) = (false, needsXMP && exif == nil)
                } else if needsXMP, name == Array("XMP ".utf8) {
                    xmp = Orientation.number(xmp: try file.bytes(at: place, count: length))
                    needsXMP = false
                }
                place += length + length % 2
            }
            guard !isAnimated || !needsFrame else { throw file.damage("it is an animation without a frame") }
            orientation = exif ?? xmp ?? 1
        }
    }

    static func header(_ file: FileBytes, _ maxPixels: Int) throws -> PictureHeader {
        let layout = try Layout(file)
        try file.check(height: layout.height, width: layout.width, maxPixels: maxPixels) { _, _ in 0 }
        return PictureHeader(
            .webp, storedHeight: layout.height, storedWidth: layout.width, isColour: true,
            orientation: layout.orientation)
    }

    /// Reads all pixels as they lie in the file into memory of their form. A first frame that is smaller than the canvas lies on one
    /// that is transparent, or black if nothing of the frame is transparent.
    static func read(
        _ bytes: UnsafeRawBufferPointer, _ file: FileBytes, _ header: PictureHeader,
        into memory: (renorm_form) -> UnsafeMutablePointer<UInt8>
    ) throws -> renorm_form {
        let layout = try Layout(file)
        let (height, width) = header.stored
        guard (layout.height, layout.width) == (height, width) else {
            throw file.damage("it is not of the size that its header announced")
        }
        let frame = layout.frame ?? (0, 0, height, width, 0..<bytes.count)
        guard frame.left + frame.width <= width, frame.top + frame.height <= height else {
            throw file.damage("its first frame is larger than its canvas")
        }
        let content = UnsafeRawBufferPointer(rebasing: bytes[frame.content])
        guard let start = content.baseAddress?.assumingMemoryBound(to: UInt8.self), !content.isEmpty else {
            throw file.damage("its picture is empty")
        }
        var reason = renorm_reason()
        var form = RENORM_FORM_COLOUR
        guard
            renorm_webp_open(
                start, content.count, UInt32(frame.width), UInt32(frame.height), &form, &reason) != 0
        else { throw file.damage(reason.description) }
        let pixels = memory(form)
        let size = renorm_form_size(form)
        if (frame.height, frame.width) != (height, width) {
            pixels.update(repeating: 0, count: height * width * size)
        }
        let corner = pixels + (frame.top * width + frame.left) * size
        guard
            renorm_webp_read(
                start, content.count, UInt32(frame.width), UInt32(frame.height), form, corner, width * size,
                &reason) != 0
        else { throw file.damage(reason.description) }
        return form
    }
}
