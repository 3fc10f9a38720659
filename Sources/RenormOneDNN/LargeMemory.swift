import Foundation

extension UnsafeMutableRawPointer {
    /// Memory for arrays that passes stream through. Large blocks ask for huge pages: with small ones two threads read a
    /// quarter less in a second, because the processor's table of pages is too short.
    ///
    /// Freed by `deallocate()`.
    package static func allocateForArrays(byteCount: Int) -> UnsafeMutableRawPointer {
        let hugePage = 2 << 20
        guard byteCount >= 2 * hugePage else {
            return .allocate(byteCount: max(byteCount, 64), alignment: 64)
        }
        let memory = UnsafeMutableRawPointer.allocate(byteCount: byteCount, alignment: hugePage)
        #if os(Linux)
            // Only advice: where the system has none, nothing is lost. Whole pages, or it would reach beyond the block.
            let adviseHugePages: Int32 = 14
            madvise(memory, byteCount / hugePage * hugePage, adviseHugePages)
        #endif
        return memory
    }
}
