import Foundation

/// The images of another source, each of which is asked for once and then kept.
///
/// Whichever thread wants an image first has it read, whole; it gives the same bytes as its source.
public struct CachedImages: ImageSource {
    private let source: any ImageSource
    private let store: PixelStore
    /// Where the pixels of each image begin; empty where all have one size.
    private let starts: [Int]
    /// The size of every image; `nil` where they differ.
    public let commonSize: ImageSize?

    init(_ source: any ImageSource, in cache: ImageCache, identity: UInt64, budget: ImageCache.Budget) throws
    {
        guard budget.needed <= budget.allowed else {
            throw ImagesError.cacheTooLarge(
                place: budget.placeName, needed: budget.needed, budget: budget.allowed,
                isGiven: budget.isGiven)
        }
        self.source = source
        commonSize = source.commonSize
        var starts: [Int] = []
        if commonSize == nil {
            starts.reserveCapacity(source.count)
            var start = 0
            for image in 0..<source.count {
                starts.append(start)
                start += try source.size(of: image).valueCount
            }
        }
        self.starts = starts
        switch cache {
        case .none: preconditionFailure("nothing is kept")
        case .memory: store = try PixelStore(count: source.count, size: budget.needed)
        case .folder(let folder):
            // Sizes belong to what the pixels are: a source may give the same pictures at several.
            var fingerprint = Fingerprint()
            fingerprint.add(Int(truncatingIfNeeded: identity))
            for start in starts { fingerprint.add(start) }
            if let size = commonSize { for extent in size.extents { fingerprint.add(extent) } }
            let name = String(fingerprint.value, radix: 16)
            store = try PixelStore(
                folder.appendingPathComponent("renorm-\(name).pixels"), identity: fingerprint.value,
                count: source.count, size: budget.needed)
        }
    }

    /// As the source, since it decodes what is not kept yet; so nothing depends on whether images are kept.
    public var decodes: Bool { source.decodes }

    /// What the source calls it.
    public func name(of image: Int) -> String? { source.name(of: image) }

    /// The number of images.
    public var count: Int { source.count }

    /// How large an image is.
    public func size(of image: Int) throws -> ImageSize { try commonSize ?? source.size(of: image) }

    /// Copies all pixels of an image.
    ///
    /// - Throws: what the source throws; nothing is then kept.
    public func read(_ image: Int, into pixels: UnsafeMutableBufferPointer<UInt8>) throws {
        try withWhole(image, in: ImageWorkspace()) { _, kept in
            pixels.baseAddress!.update(from: kept, count: pixels.count)
        }
    }

    /// Lends all pixels of an image.
    ///
    /// - Throws: as `read`.
    public func withPixels(
        of image: Int, for placement: Placement, in workspace: ImageWorkspace, _ body: (PixelView) -> Void
    ) throws {
        try withWhole(image, in: workspace) { size, pixels in body(PixelView(of: size, pixels: pixels)) }
    }

    private func withWhole(
        _ image: Int, in workspace: ImageWorkspace, _ body: (ImageSize, UnsafePointer<UInt8>) -> Void
    ) throws {
        let size = try size(of: image)
        let start = starts.isEmpty ? image * size.valueCount : starts[image]
        try store.withPixels(
            of: image, at: start, count: size.valueCount,
            write: { memory in
                let whole = Placement(whole: size, height: size.height, width: size.width)
                try source.withPixels(of: image, for: whole, in: workspace) { view in
                    precondition(view.size == size && view.isWhole, "a part of what was asked for")
                    memory.baseAddress!.update(from: view.pixels, count: memory.count)
                }
            }, { body(size, $0) })
    }

    /// Adds what the source says of the image.
    public func addFingerprint(of image: Int, to fingerprint: inout Fingerprint) {
        source.addFingerprint(of: image, to: &fingerprint)
    }
}
