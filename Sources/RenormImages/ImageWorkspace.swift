/// Memory that a thread uses again for every image, so that reading one asks the system for none.
public final class ImageWorkspace {
    /// For what a source reads.
    let read = GrowingMemory<UInt8>()
    /// For a picture at its new size.
    let placed = GrowingMemory<UInt8>()
    /// For a picture that has its new width or height, but not yet both.
    let narrowed = GrowingMemory<UInt8>()
    /// For a placed picture whose bytes are changed, and for what it was before an operation.
    let changed = GrowingMemory<UInt8>()
    /// What is done to the picture at hand.
    var draw = AugmentationDraw(
        Placement(Placement.Crop(top: 0, left: 0, height: 1, width: 1), height: 1, width: 1))
    /// For the picture that is mixed into the first one.
    let mixed = GrowingMemory<Float>()
    var rows = FilterTaps()
    var columns = FilterTaps()

    /// A workspace without memory yet.
    public init() {}

    /// Memory for a source that decodes a part of an image, valid until the next call.
    public func pixels(count: Int) -> UnsafeMutableBufferPointer<UInt8> { read.memory(of: count) }
}

/// Memory that is replaced only by larger memory.
final class GrowingMemory<Element: BitwiseCopyable> {
    private var all = UnsafeMutableBufferPointer<Element>.allocate(capacity: 0)

    deinit { all.deallocate() }

    /// Memory for so many elements, with whatever it held; valid until the next call.
    func memory(of count: Int) -> UnsafeMutableBufferPointer<Element> {
        if all.count < count {
            all.deallocate()
            all = .allocate(capacity: count)
        }
        return UnsafeMutableBufferPointer(rebasing: all[..<count])
    }
}
