/// The images of several sources one after another.
struct JoinedImages: ImageSource {
    private let parts: [any ImageSource]
    /// The number that the first image of each part has here.
    private let starts: [Int]
    let count: Int
    let commonSize: ImageSize?

    init(_ parts: [any ImageSource]) {
        self.parts = parts
        var starts: [Int] = []
        var count = 0
        for part in parts {
            starts.append(count)
            count += part.count
        }
        self.starts = starts
        self.count = count
        let sizes = Set(parts.map(\.commonSize))
        commonSize = sizes.count == 1 ? sizes.first! : nil
    }

    func name(of image: Int) -> String? {
        let (part, image) = find(image)
        return part.name(of: image)
    }

    var cacheIdentity: UInt64 {
        var fingerprint = Fingerprint()
        for part in parts { fingerprint.add(Int(truncatingIfNeeded: part.cacheIdentity)) }
        return fingerprint.value
    }

    var decodes: Bool { parts.contains(where: \.decodes) }

    func reduced(toShortSide side: Int) -> any ImageSource {
        JoinedImages(parts.map { $0.reduced(toShortSide: side) })
    }

    private func find(_ image: Int) -> (part: any ImageSource, image: Int) {
        let place = starts.lastIndex { $0 <= image }!
        return (parts[place], image - starts[place])
    }

    func size(of image: Int) throws -> ImageSize {
        let (part, image) = find(image)
        return try part.size(of: image)
    }

    func read(_ image: Int, into pixels: UnsafeMutableBufferPointer<UInt8>) throws {
        let (part, image) = find(image)
        try part.read(image, into: pixels)
    }

    func withPixels(
        of image: Int, for placement: Placement, in workspace: ImageWorkspace, _ body: (PixelView) -> Void
    ) throws {
        let (part, image) = find(image)
        try part.withPixels(of: image, for: placement, in: workspace, body)
    }

    func addFingerprint(of image: Int, to fingerprint: inout Fingerprint) {
        let (part, image) = find(image)
        part.addFingerprint(of: image, to: &fingerprint)
    }
}
