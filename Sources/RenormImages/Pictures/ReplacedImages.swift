import RenormArrays
import Synchronization

/// The images of another source, where one that cannot be had is replaced by the next of its class and part that can.
///
/// The replacement has the size of what it replaces, to which it is resized, so nothing else changes. Which it is depends on the
/// order of the examples alone. Each image that was replaced is counted and named once.
public struct ReplacedImages: ImageSource {
    private let source: any ImageSource
    /// The class of each image, and its part.
    private let labels: [Int32]
    private let parts: [Dataset.Part]
    /// What was replaced.
    public let broken: BrokenImages

    /// Wraps the source of a list's pictures, which may itself be a cache of them.
    public init(_ source: any ImageSource, of list: PictureList, broken: BrokenImages = BrokenImages()) {
        precondition(source.count == list.count, "\(source.count) images of a list of \(list.count)")
        self.source = source
        labels = list.columns.label
        parts = list.columns.part
        self.broken = broken
    }

    private init(_ source: any ImageSource, labels: [Int32], parts: [Dataset.Part], broken: BrokenImages) {
        (self.source, self.labels, self.parts, self.broken) = (source, labels, parts, broken)
    }

    /// The number of images.
    public var count: Int { source.count }

    /// The size of every image; `nil` where they differ.
    public var commonSize: ImageSize? { source.commonSize }

    /// How large an image is, replaced or not.
    public func size(of image: Int) throws -> ImageSize { try source.size(of: image) }

    /// Writes all pixels of an image, or of what replaces it.
    ///
    /// - Throws: what the source throws, if nothing can replace it.
    public func read(_ image: Int, into pixels: UnsafeMutableBufferPointer<UInt8>) throws {
        do {
            try source.read(image, into: pixels)
        } catch {
            try replace(image, error, in: ImageWorkspace()) {
                UnsafeMutableRawBufferPointer(pixels).copyMemory(
                    from: UnsafeRawBufferPointer(start: $0.pixels, count: pixels.count))
            }
        }
    }

    /// Calls `body` with the pixels of an image that a placement needs, or with all of what replaces it.
    ///
    /// - Throws: as `read`.
    public func withPixels(
        of image: Int, for placement: Placement, in workspace: ImageWorkspace, _ body: (PixelView) -> Void
    ) throws {
        do {
            try source.withPixels(of: image, for: placement, in: workspace, body)
        } catch {
            try replace(image, error, in: workspace, body)
        }
    }

    /// As the source.
    public var decodes: Bool { source.decodes }

    /// What the source calls it.
    public func name(of image: Int) -> String? { source.name(of: image) }

    /// As the source, whose images are kept.
    public var cacheIdentity: UInt64 { source.cacheIdentity }

    /// The source's images as training reads them, where broken ones are replaced too.
    public func reduced(toShortSide side: Int) -> any ImageSource {
        wrapping { $0.reduced(toShortSide: side) }
    }

    /// The same around what a function makes of the source, such as a cache of it.
    func wrapping(_ body: (any ImageSource) throws -> any ImageSource) rethrows -> any ImageSource {
        ReplacedImages(try body(source), labels: labels, parts: parts, broken: broken)
    }

    /// Adds what the source says of the image.
    public func addFingerprint(of image: Int, to fingerprint: inout Fingerprint) {
        source.addFingerprint(of: image, to: &fingerprint)
    }

    /// Calls `body` with the pixels of the first image after this one, around the end, that has its class and part and can be had.
    ///
    /// - Throws: the error of the image itself, if no other can be had.
    private func replace(
        _ image: Int, _ error: any Error, in workspace: ImageWorkspace, _ body: (PixelView) -> Void
    ) throws {
        broken.add(image, "\(error)")
        let size = try source.size(of: image)
        for step in 1..<max(count, 1) {
            let other = (image + step) % count
            guard labels[other] == labels[image], parts[other] == parts[image],
                !broken.contains(other), let found = try? source.size(of: other)
            else { continue }
            let placement = Placement(whole: found, height: size.height, width: size.width)
            let pixels = UnsafeMutableBufferPointer<UInt8>.allocate(capacity: size.valueCount)
            defer { pixels.deallocate() }
            do {
                try source.withPixels(of: other, for: placement, in: workspace) {
                    resample($0, placement, to: pixels.baseAddress!, in: workspace)
                }
            } catch {
                broken.add(other, "\(error)")
                continue
            }
            body(PixelView(of: size, pixels: UnsafePointer(pixels.baseAddress!)))
            return
        }
        throw error
    }
}

/// Images that could not be had and were replaced, counted by all threads together.
public final class BrokenImages: Sendable {
    private let messages = Mutex<[Int: String]>([:])

    /// None yet.
    public init() {}

    /// The number of images that were replaced, each counted once.
    public var count: Int { messages.withLock { $0.count } }

    /// What is wrong with each, in the order of the images.
    public var listed: [String] {
        messages.withLock { $0.sorted { $0.key < $1.key }.map(\.value) }
    }

    fileprivate func contains(_ image: Int) -> Bool { messages.withLock { $0[image] != nil } }

    fileprivate func add(_ image: Int, _ message: String) {
        messages.withLock { if $0[image] == nil { $0[image] = message } }
    }
}
