import Foundation
import RenormOneDNN
import Testing

@Suite struct LargeMemoryTests {
    /// Large blocks begin at a huge page and ask for huge ones, where Linux tells of it; small ones do not.
    @Test func largeBlocksAskForHugePages() throws {
        for (megabytes, isLarge) in [(1, false), (9, true)] {
            let byteCount = megabytes << 20
            let memory = UnsafeMutableRawPointer.allocateForArrays(byteCount: byteCount)
            defer { memory.deallocate() }
            memset(memory, 7, byteCount)
            #expect(UInt(bitPattern: memory) % (isLarge ? 2 << 20 : 64) == 0)
            #expect(memory.load(fromByteOffset: byteCount - 1, as: UInt8.self) == 7)
            guard isLarge, let flags = flags(of: memory) else { continue }
            #expect(flags.contains("hg"), "\(flags)")
        }
    }

    /// The flags of the mapping that holds an address; `nil` where the system does not say.
    private func flags(of address: UnsafeMutableRawPointer) -> [Substring]? {
        guard let text = try? String(contentsOfFile: "/proc/self/smaps", encoding: .utf8) else { return nil }
        let place = UInt(bitPattern: address)
        var isInside = false
        for line in text.split(separator: "\n") {
            let bounds = line.prefix { $0 != " " }.split(separator: "-").compactMap { UInt($0, radix: 16) }
            if bounds.count == 2 { isInside = bounds[0] <= place && place < bounds[1] }
            if isInside, line.hasPrefix("VmFlags:") { return line.split(separator: " ") }
        }
        return nil
    }
}
