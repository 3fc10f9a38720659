import COneDNN
import RenormArrays

/// How an array lies in memory, as oneDNN describes it: sizes, and strides or blocks.
final class MemoryDescriptor: @unchecked Sendable, Equatable {
    let handle: OpaquePointer
    let library: OneDNNLibrary

    /// A plain array of f32 or bf16; without strides, one whose layout a primitive may choose.
    init(_ library: OneDNNLibrary, sizes: [Int], strides: [Int]?, type: ElementType = .f32) throws {
        self.library = library
        let type = UInt32(type == .bf16 ? onednn_type_bf16 : onednn_type_f32)
        let sizes = sizes.map(Int64.init)
        var handle: OpaquePointer?
        let status =
            if let strides = strides?.map(Int64.init) {
                library.functions.memory_desc_create_with_strides(
                    &handle, CInt(sizes.count), sizes, type, strides)
            } else {
                library.functions.memory_desc_create_with_tag(
                    &handle, CInt(sizes.count), sizes, type, UInt32(onednn_tag_any))
            }
        try OneDNNLibrary.check(status, "describing an array \(sizes)")
        self.handle = handle!
    }

    /// The weight of a convolution in blocks of 16 outputs and 16 inputs, both multiples of 16: `[O/16, I/16, H, W, 16 of I,
    /// 16 of O]`.
    init(_ library: OneDNNLibrary, blockedWeight shape: TensorShape) throws {
        self.library = library
        let sizes = shape.dimensions.map(Int64.init)
        var handle: OpaquePointer?
        try OneDNNLibrary.check(
            library.functions.memory_desc_create_with_tag(
                &handle, CInt(sizes.count), sizes, UInt32(onednn_type_f32), UInt32(onednn_tag_weights_16i16o)),
            "describing a weight \(sizes)")
        self.handle = handle!
    }

    /// A copy of a description that something else owns.
    init(_ library: OneDNNLibrary, copying other: OpaquePointer) throws {
        self.library = library
        var handle: OpaquePointer?
        try OneDNNLibrary.check(
            library.functions.memory_desc_clone(&handle, other), "copying the description of an array")
        self.handle = handle!
    }

    deinit { _ = library.functions.memory_desc_destroy(handle) }

    /// The size with all padding.
    var byteCount: Int { library.functions.memory_desc_get_size(handle) }

    /// The extents, as oneDNN orders the axes.
    var sizes: [Int] {
        var rank: CInt = 0
        var sizes: UnsafePointer<Int64>?
        _ = library.functions.memory_desc_query(handle, UInt32(onednn_query_rank), &rank)
        _ = library.functions.memory_desc_query(handle, UInt32(onednn_query_sizes), &sizes)
        return sizes.map { sizes in (0..<Int(rank)).map { Int(sizes[$0]) } } ?? []
    }

    /// The same array, last axis fastest.
    func plain() throws -> MemoryDescriptor {
        var strides = [Int](repeating: 1, count: sizes.count)
        for axis in strides.indices.dropLast().reversed() {
            strides[axis] = strides[axis + 1] * sizes[axis + 1]
        }
        return try MemoryDescriptor(library, sizes: sizes, strides: strides)
    }

    static func == (left: MemoryDescriptor, right: MemoryDescriptor) -> Bool {
        left === right || left.library.functions.memory_desc_equal(left.handle, right.handle) != 0
    }
}
