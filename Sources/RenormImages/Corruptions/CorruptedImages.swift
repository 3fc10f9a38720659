import RenormArrays

/// The images of another source, framed and corrupted: each as its number in the source says.
struct CorruptedImages: ImageSource {
    private let source: FramedImages
    private let size: ImageSize
    private let applied: AppliedCorruption
    private let seed: UInt64

    init(_ source: any ImageSource, _ framing: Framing, _ applied: AppliedCorruption, seed: UInt64) {
        self.source = FramedImages(source, framing)
        size = framing.size
        self.applied = applied
        self.seed = seed
    }

    var count: Int { source.count }

    var commonSize: ImageSize? { size }

    /// Changing pixels takes work too.
    var decodes: Bool { true }

    func size(of image: Int) -> ImageSize { size }

    func name(of image: Int) -> String? { source.name(of: image) }

    func read(_ image: Int, into pixels: UnsafeMutableBufferPointer<UInt8>) throws {
        try source.read(image, into: pixels)
        var values = ImageValues(size: size, bytes: UnsafePointer(pixels.baseAddress!))
        applied.corruption.apply(to: &values, number: image, severity: applied.severity, seed: seed)
        values.write(to: pixels.baseAddress!)
    }

    func addFingerprint(of image: Int, to fingerprint: inout Fingerprint) {
        source.addFingerprint(of: image, to: &fingerprint)
        fingerprint.add("\(applied) \(seed)")
    }
}

extension Dataset {
    /// The examples with corrupted images: framed as in batches, then changed, each as its number in the image source and the seed
    /// say, whichever others are there and in whichever order they are read.
    public func corrupted(by applied: AppliedCorruption, seed: UInt64) -> Dataset {
        replacing(
            CorruptedImages(imageSource, framing, applied, seed: seed), framing: Framing(size: size))
    }

    /// The examples with corrupted images.
    ///
    /// - Parameter severity: 1 to 5.
    public func corrupted(by corruption: Corruption, severity: Int, seed: UInt64) -> Dataset {
        corrupted(by: AppliedCorruption(corruption, severity: severity), seed: seed)
    }
}
