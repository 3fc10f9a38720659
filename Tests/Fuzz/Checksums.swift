/// CRC-32 as gzip and PNG have it.
func crc32(_ bytes: some Sequence<UInt8>) -> UInt32 {
    var crc: UInt32 = 0xFFFF_FFFF
    for byte in bytes {
        crc ^= UInt32(byte)
        for _ in 0..<8 { crc = crc >> 1 ^ (crc & 1 == 1 ? 0xEDB8_8320 : 0) }
    }
    return ~crc
}

extension FixedWidthInteger {
    /// The bytes, the largest first.
    var bigEndianBytes: [UInt8] { withUnsafeBytes(of: bigEndian) { Array($0) } }
    /// The bytes, the smallest first.
    var littleEndianBytes: [UInt8] { withUnsafeBytes(of: littleEndian) { Array($0) } }
}

/// A gzip file of bytes as they are, in blocks that are not compressed.
func gzip(_ bytes: [UInt8]) -> [UInt8] {
    var result: [UInt8] = [0x1F, 0x8B, 8, 0, 0, 0, 0, 0, 0, 3]
    var start = 0
    repeat {
        let end = min(start + 0xFFFF, bytes.count)
        let size = UInt16(end - start)
        result.append(end == bytes.count ? 1 : 0)
        result += size.littleEndianBytes + (~size).littleEndianBytes + bytes[start..<end]
        start = end
    } while start < bytes.count
    return result + crc32(bytes).littleEndianBytes + UInt32(truncatingIfNeeded: bytes.count).littleEndianBytes
}

/// A PNG file whose chunks have the checksums of what they hold, so that damage to their content is read at all; what is no
/// chunk stays as it is.
func withRightChecksums(png bytes: [UInt8]) -> [UInt8] {
    var result = bytes
    var start = 8
    while start + 12 <= result.count {
        let length = result[start..<start + 4].reduce(0) { $0 << 8 | Int($1) }
        guard start + 12 + length <= result.count else { break }
        let end = start + 8 + length
        result.replaceSubrange(end..<end + 4, with: crc32(result[start + 4..<end]).bigEndianBytes)
        start = end + 4
    }
    return result
}
