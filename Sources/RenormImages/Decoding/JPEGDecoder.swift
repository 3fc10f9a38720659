import RenormCodecs

/// JPEG files, through libjpeg.
enum JPEGDecoder {
    /// Reads the segments up to the first scan.
    ///
    /// Source: ITU-T T.81, annex B.
    static func header(_ file: FileBytes, _ maxPixels: Int) throws -> PictureHeader {
        var place = 2
        var frame: (height: Int, width: Int, components: Int)?
        var (exif, xmp): (Int?, Int?)
        var hasExif = false
        while let (marker, end) = try marker(file, after: place), marker != 0xDA {
            place = end
            // These stand alone.
            if marker == 0x01 || (0xD0...0xD7).contains(marker) { continue }
            guard marker != 0xD8, marker != 0xD9 else { break }
            let length = try file.bytes(at: place, count: 2).bigEndian16(at: 0)
            guard length >= 2 else { throw file.damage("a segment of its header has no length") }
            let content = (place: place + 2, count: length - 2)
            place += length
            switch marker {
            case 0xE1 where content.count > 28:
                let start = try file.bytes(at: content.place, count: 29)
                if !hasExif, start.starts(with: Array("Exif\0\0".utf8)) {
                    hasExif = true
                    exif = Orientation.number(exif: try file.bytes(at: content.place, count: content.count))
                } else if start.starts(with: Array("http://ns.adobe.com/xap/1.0/\0".utf8)) {
                    xmp = Orientation.number(xmp: try file.bytes(at: content.place, count: content.count))
                }
            case 0xC4, 0xC8, 0xCC: break
            case 0xC0...0xCF:
                guard frame == nil else { throw file.damage("it has two frames") }
                guard [0xC0, 0xC1, 0xC2, 0xC9, 0xCA].contains(marker) else {
                    throw file.damage("it is lossless or hierarchical, which is not supported")
                }
                let bytes = try file.bytes(at: content.place, count: 6)
                guard bytes[0] == 8 else {
                    throw file.damage("its samples have \(bytes[0]) bits, which is not supported")
                }
                frame = (bytes.bigEndian16(at: 1), bytes.bigEndian16(at: 3), Int(bytes[5]))
                // Huffman codes take a bit or more for each block of 8 × 8; arithmetic ones may take nearly none.
                try file.check(height: frame!.height, width: frame!.width, maxPixels: maxPixels) {
                    marker >= 0xC8 ? 0 : (($0 + 7) / 8) * (($1 + 7) / 8) / 8
                }
            default: break
            }
        }
        guard let frame else { throw file.damage("its header says no size") }
        guard [1, 3, 4].contains(frame.components) else {
            throw file.damage("its pixels have \(frame.components) components, which is not supported")
        }
        return PictureHeader(
            .jpeg, storedHeight: frame.height, storedWidth: frame.width, isColour: frame.components > 1,
            orientation: exif ?? xmp ?? 1)
    }

    /// The next marker and where it ends. Bytes before it that are none are passed over, as libjpeg does, but not without end.
    private static func marker(_ file: FileBytes, after start: Int) throws -> (marker: UInt8, end: Int)? {
        var isMarked = false
        for place in start..<start + 65_536 {
            let byte = try file.bytes(at: place, count: 1)[0]
            if isMarked, byte != 0, byte != 0xFF { return (byte, place + 1) }
            isMarked = byte == 0xFF
        }
        throw file.damage("its header is followed by something else")
    }

    /// Writes rows and columns of the picture as it lies in the file, made smaller by libjpeg.
    static func read(
        _ bytes: UnsafeRawBufferPointer, _ header: PictureHeader, channels: Int, reduction: Int,
        rows: Range<Int>, columns: Range<Int>, path: String, to target: UnsafeMutablePointer<UInt8>
    ) throws {
        var request = renorm_jpeg_request(
            width: UInt32(header.stored.width), height: UInt32(header.stored.height),
            reduction: UInt32(reduction), top: UInt32(rows.lowerBound), bottom: UInt32(rows.upperBound),
            left: UInt32(columns.lowerBound), right: UInt32(columns.upperBound), channels: UInt32(channels))
        var reason = renorm_reason()
        let start = bytes.baseAddress!.assumingMemoryBound(to: UInt8.self)
        guard renorm_jpeg_read(start, bytes.count, &request, target, &reason) != 0 else {
            throw ImagesError.undecodable(path: path, format: .jpeg, reason: reason.description)
        }
    }
}
