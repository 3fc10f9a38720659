/// GIF's compression.
///
/// Source: GIF 89a specification, appendix F.
enum LZW {
    /// Unpacks blocks of codes as far as there is room, and says how far they went: less where they end too early.
    ///
    /// - Parameter depth: the bits of the codes for single values, 1 to 11.
    static func read(
        _ bytes: UnsafeRawBufferPointer, from start: Int, depth: Int,
        to target: UnsafeMutableBufferPointer<UInt8>,
        _ file: FileBytes
    ) throws -> Int {
        let (clear, end) = (1 << depth, 1 << depth + 1)
        // What a code stands for was written before: what the code before it stands for, and one value more.
        var strings = [(place: Int32, length: Int32)](repeating: (0, 0), count: 4096)
        var (next, width) = (end + 1, depth + 1)
        var last: (place: Int, length: Int)?
        var (buffer, available, place, left, count) = (0, 0, start, 0, 0)
        return try strings.withUnsafeMutableBufferPointer { strings in
            while count < target.count {
                while available < width {
                    if left == 0 {
                        guard place < bytes.count else { throw cut(file) }
                        left = Int(bytes[place])
                        place += 1
                        if left == 0 { return count }
                    }
                    guard place < bytes.count else { throw cut(file) }
                    buffer |= Int(bytes[place]) << available
                    (available, place, left) = (available + 8, place + 1, left - 1)
                }
                let code = buffer & (1 << width - 1)
                (buffer, available) = (buffer >> width, available - width)
                if code == clear {
                    (next, width, last) = (end + 1, depth + 1, nil)
                    continue
                }
                if code == end { return count }
                let string: (place: Int, length: Int)
                if code < clear {
                    string = (count, 1)
                    target[count] = UInt8(truncatingIfNeeded: code)
                } else if let last, code < next || code == next && next < 4096 {
                    // The newest one is the last one's string and its own first value, which follows it.
                    let isNewest = code == next
                    let from = isNewest ? last.place : Int(strings[code].place)
                    let length = isNewest ? last.length + 1 : Int(strings[code].length)
                    string = (count, min(length, target.count - count))
                    for index in 0..<string.length { target[count + index] = target[from + index] }
                } else {
                    throw file.damage("it has the code \(code), which stands for nothing yet")
                }
                if let last, next < 4096 {
                    strings[next] = (Int32(last.place), Int32(last.length + 1))
                    next += 1
                    if next == 1 << width, width < 12 { width += 1 }
                }
                last = string
                count += string.length
            }
            return count
        }
    }

    private static func cut(_ file: FileBytes) -> ImagesError {
        file.damage("it ends after \(file.length) bytes, before its picture does")
    }
}
