import Foundation

/// Many byte strings, such as file names, in one buffer: a million of them cost their bytes and 8 more each.
///
/// Names of files are bytes: what they mean as text is only asked for messages.
struct PackedBytes: Sendable {
    private(set) var bytes: [UInt8] = []
    /// Where each string ends in `bytes`.
    private var ends: [Int] = []

    var count: Int { ends.count }

    /// Makes room for so many strings and bytes, and no more.
    mutating func reserve(count: Int, bytes: Int) {
        ends.reserveCapacity(count)
        self.bytes.reserveCapacity(bytes)
    }

    mutating func append(_ string: some Collection<UInt8>) {
        bytes.append(contentsOf: string)
        ends.append(bytes.count)
    }

    func range(of index: Int) -> Range<Int> { (index == 0 ? 0 : ends[index - 1])..<ends[index] }

    subscript(index: Int) -> ArraySlice<UInt8> { bytes[range(of: index)] }

    /// The string as text, what is no UTF-8 in it replaced.
    func text(of index: Int) -> String { String(decoding: self[index], as: UTF8.self) }

    /// The indices in the order of the strings' bytes, which for UTF-8 is that of the code points.
    func sortedIndices() -> [Int] {
        bytes.withUnsafeBufferPointer { bytes in
            (0..<count).sorted { first, second in
                isBefore(
                    UnsafeBufferPointer(rebasing: bytes[range(of: first)]),
                    UnsafeBufferPointer(rebasing: bytes[range(of: second)]))
            }
        }
    }

    /// Keeps the strings at these rising indices, in place.
    mutating func keep(_ kept: [Int]) {
        var size = 0
        for (place, index) in kept.enumerated() {
            // Not overwritten yet: what comes before a string has moved only if something was left out.
            let string = range(of: index)
            if string.lowerBound != size {
                bytes.withUnsafeMutableBufferPointer {
                    _ = memmove($0.baseAddress! + size, $0.baseAddress! + string.lowerBound, string.count)
                }
            }
            size += string.count
            ends[place] = size
        }
        bytes.removeLast(bytes.count - size)
        ends.removeLast(ends.count - kept.count)
    }
}

/// Whether one string of bytes comes before another, as `memcmp` orders them.
func isBefore(_ first: UnsafeBufferPointer<UInt8>, _ second: UnsafeBufferPointer<UInt8>) -> Bool {
    let common = min(first.count, second.count)
    let order = common == 0 ? 0 : memcmp(first.baseAddress!, second.baseAddress!, common)
    return order == 0 ? first.count < second.count : order < 0
}

extension Array where Element: BitwiseCopyable {
    /// Keeps the elements at these rising indices, in place.
    mutating func keep(_ kept: [Int]) {
        guard !isEmpty else { return }
        for (place, index) in kept.enumerated() { self[place] = self[index] }
        removeLast(count - kept.count)
    }
}
