/// A number that other data would almost surely not have: FNV-1a over words of 64 bits, milliseconds for 47 MB.
///
/// It tells data apart; it is no protection against someone who wants two to look the same.
public struct Fingerprint: Sendable {
    private var hash: UInt64 = 0xcbf2_9ce4_8422_2325
    /// Bytes that do not fill a word yet, the first in the lowest place.
    private var pending: UInt64 = 0
    private var pendingCount = 0

    /// The fingerprint of nothing.
    public init() {}

    private mutating func mix(_ word: UInt64) { hash = (hash ^ word) &* 0x100_0000_01b3 }

    /// Adds bytes, which continue those added just before.
    public mutating func add(_ bytes: UnsafeRawBufferPointer) {
        var place = 0
        while pendingCount != 0, place < bytes.count {
            append(bytes[place])
            place += 1
        }
        while place + 8 <= bytes.count {
            mix(UInt64(littleEndian: bytes.loadUnaligned(fromByteOffset: place, as: UInt64.self)))
            place += 8
        }
        for byte in bytes[place...] { append(byte) }
    }

    private mutating func append(_ byte: UInt8) {
        pending |= UInt64(byte) << UInt64(8 * pendingCount)
        pendingCount += 1
        guard pendingCount == 8 else { return }
        mix(pending)
        (pending, pendingCount) = (0, 0)
    }

    /// Adds a number, which also ends the bytes before it.
    public mutating func add(_ number: Int) {
        flush()
        mix(UInt64(bitPattern: Int64(number)))
    }

    /// Adds a text, such as a path, with its length.
    public mutating func add(_ text: String) {
        var text = text
        text.withUTF8 {
            add($0.count)
            add(UnsafeRawBufferPointer($0))
        }
    }

    /// Adds what is left of a word byte by byte.
    private mutating func flush() {
        for place in 0..<pendingCount { mix(pending >> UInt64(8 * place) & 0xFF) }
        (pending, pendingCount) = (0, 0)
    }

    /// The number.
    public var value: UInt64 {
        var copy = self
        copy.flush()
        return copy.hash
    }
}
