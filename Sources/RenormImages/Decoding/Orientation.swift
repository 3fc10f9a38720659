/// How a picture lies in its file: what has to be done to see it upright.
struct Orientation {
    /// Whether the rows of the file are columns.
    let isTransposed: Bool
    /// Whether the rows of the file are to be read from the last to the first.
    let rowsAreReversed: Bool
    /// Whether the pixels of a row of the file are to be read from the last to the first.
    let columnsAreReversed: Bool

    /// EXIF's number, 1 to 8; 1 is upright.
    init(_ number: Int) {
        isTransposed = number >= 5
        rowsAreReversed = [3, 4, 6, 7].contains(number)
        columnsAreReversed = [2, 3, 7, 8].contains(number)
    }

    /// The rows and columns of the file that rows and columns of the seen picture lie in.
    ///
    /// - Parameter size: that of the seen picture.
    func stored(
        rows: Range<Int>, columns: Range<Int>, of size: ImageSize
    ) -> (rows: Range<Int>, columns: Range<Int>) {
        func reversed(_ range: Range<Int>, _ count: Int) -> Range<Int> {
            count - range.upperBound..<count - range.lowerBound
        }
        let (across, along) = isTransposed ? (columns, rows) : (rows, columns)
        let (height, width) = isTransposed ? (size.width, size.height) : (size.height, size.width)
        return (
            rowsAreReversed ? reversed(across, height) : across,
            columnsAreReversed ? reversed(along, width) : along
        )
    }

    /// Writes pixels as they are seen.
    ///
    /// - Parameters:
    ///   - source: `rows` × `columns` pixels as they lie in the file.
    ///   - target: memory for as many, which does not overlap.
    func write(
        _ source: UnsafePointer<UInt8>, rows: Int, columns: Int, channels: Int,
        to target: UnsafeMutablePointer<UInt8>
    ) {
        let (seenRows, seenColumns) = isTransposed ? (columns, rows) : (rows, columns)
        // Steps in the source for a step to the right and a step down in the target.
        let line = columns * channels
        let down = rowsAreReversed ? -line : line
        let right = columnsAreReversed ? -channels : channels
        let (step, lineStep) = isTransposed ? (down, right) : (right, down)
        var first =
            source + (rowsAreReversed ? (rows - 1) * line : 0) + (columnsAreReversed ? line - channels : 0)
        var place = target
        for row in 0..<seenRows {
            if row > 0 { first += lineStep }
            var from = first
            for column in 0..<seenColumns {
                if column > 0 { from += step }
                place[0] = from[0]
                if channels == 3 {
                    place[1] = from[1]
                    place[2] = from[2]
                }
                place += channels
            }
        }
    }

    // MARK: Where files say it

    /// The orientation in EXIF's data (a TIFF file, perhaps after a mark), 1 for a number that means none; `nil` where they do not
    /// say it.
    ///
    /// Source: EXIF 2.3, 4.6; TIFF 6.0, 2.
    static func number(exif: [UInt8]) -> Int? {
        let mark = Array("Exif\0\0".utf8)
        let tiff = exif.starts(with: mark) ? exif.dropFirst(mark.count) : exif[...]
        guard tiff.count >= 8 else { return nil }
        let isBigEndian: Bool
        if tiff.starts(with: [0x4D, 0x4D, 0, 0x2A]) {
            isBigEndian = true
        } else if tiff.starts(with: [0x49, 0x49, 0x2A, 0]) {
            isBigEndian = false
        } else {
            return nil
        }
        func short(_ place: Int) -> Int {
            isBigEndian ? tiff.bigEndian16(at: place) : tiff.littleEndian16(at: place)
        }
        func long(_ place: Int) -> Int {
            isBigEndian ? tiff.bigEndian32(at: place) : tiff.littleEndian32(at: place)
        }
        let directory = long(4)
        guard directory + 2 <= tiff.count else { return nil }
        for entry in 0..<short(directory) {
            let place = directory + 2 + 12 * entry
            guard place + 12 <= tiff.count else { return nil }
            guard short(place) == 0x112 else { continue }
            // A short number by the standard, a long one from some programs; others mean nothing to Pillow either.
            switch short(place + 2) {
            case 3: return valid(short(place + 8))
            case 4: return valid(long(place + 8))
            default: return 1
            }
        }
        return nil
    }

    /// The orientation in an XMP packet, looked for as Pillow does where EXIF does not say it.
    static func number(xmp: [UInt8]) -> Int? {
        let name = Array("tiff:Orientation".utf8)
        var rest = xmp[...]
        while let start = rest.firstIndex(of: name[0]) {
            rest = rest[start...]
            if rest.starts(with: name) {
                var value = rest.dropFirst(name.count)
                if value.starts(with: Array("=\"".utf8)) {
                    value = value.dropFirst(2)
                } else if value.first == UInt8(ascii: ">") {
                    value = value.dropFirst(1)
                } else {
                    value = []
                }
                if let digit = value.first, (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(digit) {
                    return valid(Int(digit - UInt8(ascii: "0")))
                }
            }
            rest = rest.dropFirst()
        }
        return nil
    }

    private static func valid(_ number: Int) -> Int { (1...8).contains(number) ? number : 1 }
}
