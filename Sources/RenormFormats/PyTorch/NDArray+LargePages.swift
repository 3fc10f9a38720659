import Foundation
import RenormArrays

extension NDArray {
    /// An array that is about to be filled, in pages of 2 MiB where the system has them and they fit: most of the time of reading a
    /// large tensor would be spent on getting small ones.
    init(toFill shape: TensorShape, type: ElementType) {
        self.init(uninitialized: shape, type: type)
        #if os(Linux)
            let page = 1 << 21
            guard byteCount >= 2 * page else { return }
            withUnsafeMutableBytes { memory in
                let start = Int(bitPattern: memory.baseAddress)
                let first = (start + page - 1) / page * page
                let end = (start + memory.count) / page * page
                // What it cannot do it leaves as it is.
                _ = madvise(UnsafeMutableRawPointer(bitPattern: first), end - first, MADV_HUGEPAGE)
            }
        #endif
    }
}
