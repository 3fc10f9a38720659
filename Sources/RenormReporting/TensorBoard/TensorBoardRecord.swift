import RenormFormats

/// A record of TensorFlow's record files: its length, a checksum of that, the bytes, and a checksum of them.
enum TensorBoardRecord {
    /// The record of some bytes.
    static func framed(_ bytes: [UInt8]) -> [UInt8] {
        let length = littleEndian(UInt64(bytes.count), 8)
        return length + littleEndian(UInt64(masked(length)), 4) + bytes
            + littleEndian(UInt64(masked(bytes)), 4)
    }

    /// A CRC-32C, turned and moved so that the checksum of bytes that hold checksums is none of them.
    static func masked(_ bytes: [UInt8]) -> UInt32 {
        let crc = CRC32C.checksum(of: bytes)
        return (crc >> 15 | crc << 17) &+ 0xA282_EAD8
    }

    private static func littleEndian(_ value: UInt64, _ count: Int) -> [UInt8] {
        (0..<count).map { UInt8(truncatingIfNeeded: value >> (8 * $0)) }
    }
}
