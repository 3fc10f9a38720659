import CZlib
import RenormKernels

/// A known number of bytes of a file, one after another, each looked at once: as they are there, or inflated.
///
/// What the file says of their checksum is checked when all have been read.
final class ByteStream {
    /// How many bytes there are.
    let count: Int
    private(set) var position = 0
    private let file: InputFile
    private let place: Int
    private let inflater: Inflater?
    private let expected: UInt32?
    private let name: String
    private var checksum: UInt32 = 0

    /// So many bytes are read before their checksum is computed, so that they are still in the processor's cache.
    private static let piece = 1 << 18

    /// Bytes as they lie in a file, which has them.
    ///
    /// - Parameters:
    ///   - checksum: their CRC-32; `nil` where the format has none.
    ///   - name: what they are, for messages.
    init(_ file: InputFile, at place: Int, count: Int, checksum: UInt32? = nil, name: String = "") {
        (self.file, self.place, self.count, expected, self.name) = (file, place, count, checksum, name)
        inflater = nil
    }

    /// Bytes that are packed in a file.
    init(_ file: InputFile, deflated range: Range<Int>, count: Int, checksum: UInt32, name: String) throws {
        (self.file, place, self.count, expected, self.name) =
            (file, range.lowerBound, count, checksum, name)
        inflater = try Inflater(file, range, name: name)
    }

    /// Fills memory with the next bytes, of which there must be so many.
    func read(into memory: UnsafeMutableRawBufferPointer) throws {
        precondition(memory.count <= count - position, "more bytes than there are")
        var done = 0
        while done < memory.count {
            let size = min(memory.count - done, ByteStream.piece)
            let part = UnsafeMutableRawBufferPointer(rebasing: memory[done..<done + size])
            if let inflater {
                try inflater.read(into: part)
            } else {
                try file.read(into: part, at: place + position)
            }
            if expected != nil { checksum = crc(checksum, of: UnsafeRawBufferPointer(part)) }
            done += size
            position += size
        }
    }

    /// Throws if the bytes, all of which have been read, are not those that were put there.
    func finish() throws {
        precondition(position == count, "not all bytes have been read")
        try inflater?.finish()
        guard let expected, checksum != expected else { return }
        throw FormatError.damagedArchive(
            path: file.path, reason: "\"\(name)\" has another checksum than the archive's list says")
    }
}

/// CRC-32 as zip has it, of bytes that come after others.
private func crc(_ before: UInt32, of bytes: UnsafeRawBufferPointer) -> UInt32 {
    guard let start = bytes.baseAddress else { return before }
    var checksum = before
    let done = renorm_crc32(&checksum, start, bytes.count)
    return UInt32(
        truncatingIfNeeded: crc32_z(
            UInt(checksum), (start + done).assumingMemoryBound(to: UInt8.self), bytes.count - done))
}
