/// The images of another source, framed: all of the size that the network takes, as evaluation uses them.
///
/// They are the bytes that placing each image gives, so what is evaluated does not depend on whether they are kept.
struct FramedImages: ImageSource {
    private let source: any ImageSource
    private let framing: Framing
    private let writer: PlacementWriter<UInt8>

    init(_ source: any ImageSource, _ framing: Framing) {
        self.source = source
        self.framing = framing
        writer = PlacementWriter(channels: framing.size.channels)
    }

    var count: Int { source.count }

    var commonSize: ImageSize? { framing.size }

    var decodes: Bool { source.decodes }

    func size(of image: Int) -> ImageSize { framing.size }

    func name(of image: Int) -> String? { source.name(of: image) }

    func read(_ image: Int, into pixels: UnsafeMutableBufferPointer<UInt8>) throws {
        let placement = framing.placement(of: try source.size(of: image))
        let workspace = ImageWorkspace()
        try source.withPixels(of: image, for: placement, in: workspace) {
            writer.write($0, placed: placement, to: pixels.baseAddress!, in: workspace)
        }
    }

    func addFingerprint(of image: Int, to fingerprint: inout Fingerprint) {
        source.addFingerprint(of: image, to: &fingerprint)
    }

    var cacheIdentity: UInt64 {
        var fingerprint = Fingerprint()
        fingerprint.add(Int(truncatingIfNeeded: source.cacheIdentity))
        fingerprint.add("\(framing)")
        return fingerprint.value
    }
}

extension Dataset {
    /// The examples with their images decoded once and then kept; as they are where nothing is kept, or nothing is decoded.
    ///
    /// - Parameters:
    ///   - isFramed: whether images are kept at the size of batches, as evaluation uses them, and not at that which crops are cut
    ///     out of.
    ///   - budget: the bytes that they may take; `nil`: half of what is free.
    /// - Throws: `ImagesError.cacheTooLarge` before anything is decoded, `.unusableCache`.
    package func kept(in cache: ImageCache, isFramed: Bool, budget: Int?) throws -> Dataset {
        guard cache != .none, imageSource.decodes else { return self }
        func keeping(_ source: any ImageSource) throws -> any ImageSource {
            let source = isFramed ? FramedImages(source, framing) : source
            return try cache.keeping(source, identity: source.cacheIdentity, allowed: budget)
        }
        // What stands in for a broken picture is not kept in its place.
        let images = try (imageSource as? ReplacedImages)?.wrapping(keeping) ?? keeping(imageSource)
        return replacing(images, framing: isFramed ? Framing(size: size) : framing)
    }
}
