import RenormArrays

/// Images of one size in one array, which are lent and never copied.
struct MemoryImages: ImageSource {
    /// `u8` [N, H, W, C].
    let array: NDArray
    private let size: ImageSize

    init(_ array: NDArray) {
        self.array = array
        size = ImageSize(height: array.shape[1], width: array.shape[2], channels: array.shape[3])
    }

    var count: Int { array.shape[0] }

    var commonSize: ImageSize? { size }

    func size(of image: Int) -> ImageSize { size }

    func read(_ image: Int, into pixels: UnsafeMutableBufferPointer<UInt8>) {
        withBytes(of: image) { UnsafeMutableRawBufferPointer(pixels).copyMemory(from: $0) }
    }

    func withPixels(
        of image: Int, for placement: Placement, in workspace: ImageWorkspace, _ body: (PixelView) -> Void
    ) {
        withBytes(of: image) {
            body(PixelView(of: size, pixels: $0.baseAddress!.assumingMemoryBound(to: UInt8.self)))
        }
    }

    var isInMemory: Bool { true }

    func addFingerprint(of image: Int, to fingerprint: inout Fingerprint) {
        withBytes(of: image) { fingerprint.add($0) }
    }

    private func withBytes(of image: Int, _ body: (UnsafeRawBufferPointer) -> Void) {
        let length = size.valueCount
        array.withUnsafeBytes {
            body(UnsafeRawBufferPointer(rebasing: $0[image * length..<(image + 1) * length]))
        }
    }
}
