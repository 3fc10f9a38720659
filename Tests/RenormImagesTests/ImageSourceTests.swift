import RenormArrays
import RenormImages
import Testing

/// Pictures of different sizes that are computed; one of them may not be there.
private struct Computed: ImageSource {
    let count = 40
    let commonSize: ImageSize? = nil
    var missing: Int?
    /// Whether no more is given than a placement needs.
    var givesParts = false

    func size(of image: Int) -> ImageSize {
        ImageSize(height: 5 + image % 7, width: 4 + image % 5, channels: 2)
    }

    func value(_ image: Int, _ row: Int, _ column: Int, _ channel: Int) -> UInt8 {
        UInt8(truncatingIfNeeded: image * 13 + row * 29 + column * 17 + channel * 101)
    }

    func read(_ image: Int, into pixels: UnsafeMutableBufferPointer<UInt8>) throws {
        let size = size(of: image)
        try write(image, rows: 0..<size.height, columns: 0..<size.width, into: pixels)
    }

    private func write(
        _ image: Int, rows: Range<Int>, columns: Range<Int>, into pixels: UnsafeMutableBufferPointer<UInt8>
    ) throws {
        if image == missing { throw Missing(image: image) }
        var place = 0
        for row in rows {
            for column in columns {
                for channel in 0..<2 {
                    pixels[place] = value(image, row, column, channel)
                    place += 1
                }
            }
        }
        #expect(place == pixels.count)
    }

    func withPixels(
        of image: Int, for placement: Placement, in workspace: ImageWorkspace, _ body: (PixelView) -> Void
    ) throws {
        let size = size(of: image)
        let whole = (rows: 0..<size.height, columns: 0..<size.width)
        let (rows, columns) = givesParts ? placement.pixelsNeeded(of: size) : whole
        let pixels = workspace.pixels(count: rows.count * columns.count * size.channels)
        try write(image, rows: rows, columns: columns, into: pixels)
        body(PixelView(of: size, rows: rows, columns: columns, pixels: UnsafePointer(pixels.baseAddress!)))
    }

    func addFingerprint(of image: Int, to fingerprint: inout Fingerprint) {
        fingerprint.add("picture \(image)")
    }

    struct Missing: Error, Equatable { var image: Int }
}

/// The same by the least that a source has to say.
private struct Simple: ImageSource {
    let all = Computed()
    var count: Int { all.count }
    var commonSize: ImageSize? { nil }
    func size(of image: Int) -> ImageSize { all.size(of: image) }
    func read(_ image: Int, into pixels: UnsafeMutableBufferPointer<UInt8>) throws {
        try all.read(image, into: pixels)
    }
    func addFingerprint(of image: Int, to fingerprint: inout Fingerprint) {
        all.addFingerprint(of: image, to: &fingerprint)
    }
}

@Suite struct ImageSourceTests {
    private static let size = ImageSize(height: 6, width: 8, channels: 2)
    private let scaling = InputScaling(mean: [0.25, 0.5], deviation: [0.5, 0.125])

    private func dataset(_ source: any ImageSource) throws -> Dataset {
        let labels = (0..<40).map { Int32($0 % 10) }
        return try Dataset(
            DatasetIndex(name: "computed", labels: labels, classNames: (0..<10).map(String.init)),
            images: source, framing: Framing(size: Self.size))
    }

    private func batches(_ source: any ImageSource, workers: Int) throws -> [NDArray] {
        let dataset = try dataset(source)
        let sampler = try BatchSampler(.shuffled, dataset: dataset, batchSize: 8, seed: 1)
        let loader = BatchLoader(
            dataset: dataset, scaling: scaling, augmentation: .standard, sampler: sampler, seed: 3, to: 23,
            workers: workers)
        var result: [NDArray] = []
        while let batch = try loader.next() {
            #expect(batch.step == result.count)
            #expect(batch.indices == sampler.indices(step: batch.step))
            result.append(batch.images)
        }
        return result
    }

    @Test func picturesOfDifferentSizesGetOne() throws {
        let dataset = try dataset(Computed())
        #expect((dataset.height, dataset.width, dataset.channels) == (6, 8, 2))
        let all = try dataset.readImages()
        #expect(all.shape == [40, 6, 8, 2])
        let source = Computed()
        for image in [0, 8, 39] {
            let own = source.size(of: image)
            var picture = NDArray(zeros: [1, own.height, own.width, 2], type: .u8)
            try picture.withMutableValues(of: UInt8.self) { try source.read(image, into: $0) }
            #expect(all.rows(image..<image + 1) == resized(picture, height: 6, width: 8))
        }
        let evaluated = BatchLoader(dataset: dataset, scaling: scaling, batches: [[39, 8], [0]])
        #expect(try evaluated.next()?.images == scaling(dataset.subset([39, 8]).images))
        #expect(try evaluated.next()?.images == scaling(dataset.subset([0]).images))
    }

    @Test func theNumberOfWorkersDoesNotMatter() throws {
        let one = try batches(Computed(), workers: 1)
        #expect(one.count == 23)
        for workers in [2, 4, 7] { #expect(try batches(Computed(), workers: workers) == one) }
    }

    @Test func aPartThatIsEnoughGivesTheSame() throws {
        let whole = try batches(Computed(), workers: 1)
        #expect(try batches(Computed(givesParts: true), workers: 1) == whole)
        #expect(try batches(Simple(), workers: 1) == whole)
    }

    @Test(arguments: [1, 4]) func aMissingPictureStopsItsBatchAndNoneBefore(workers: Int) throws {
        let dataset = try dataset(Computed(missing: 21))
        let batches = (0..<20).map { [$0 * 2, $0 * 2 + 1] }
        for _ in 0..<20 {
            let loader = BatchLoader(dataset: dataset, scaling: scaling, batches: batches, workers: workers)
            for step in 0..<10 { #expect(try loader.next()?.indices == batches[step]) }
            #expect(throws: Computed.Missing(image: 21)) { try loader.next() }
            #expect(throws: Computed.Missing(image: 21)) { try loader.next() }
        }
    }

    /// Pictures that have the size already and are cropped all the same: their middle, enlarged, is what batches hold.
    @Test func picturesOfTheSizeThatAreCropped() throws {
        let size = ImageSize(height: 8, width: 8, channels: 2)
        let whole = NDArray((0..<5 * size.valueCount).map { UInt8($0 * 7 % 251) }, shape: [5, 8, 8, 2])
        let framing = Framing(size: size, fit: .crop(fraction: 0.75))
        let cropped = try Dataset(
            DatasetIndex(
                name: "cropped", labels: [Int32](repeating: 0, count: 5), classNames: ["a"]),
            images: try Dataset(
                name: "whole", images: whole, labels: [Int32](repeating: 0, count: 5), classNames: ["a"]
            ).imageSource, framing: framing)
        let pixels = try cropped.readImages()
        #expect(pixels != whole)
        for image in 0..<5 {
            let expected = framing.placement(of: size)(whole.rows(image..<image + 1))
            #expect(pixels.rows(image..<image + 1) == expected)
        }
        #expect(cropped.images == pixels)
        let loader = BatchLoader(dataset: cropped, scaling: scaling, batches: [[0, 1, 2, 3, 4]])
        #expect(try loader.next()?.images == scaling(pixels))
    }

    @Test func momentsAreOfWhatBatchesHold() throws {
        let dataset = try dataset(Computed())
        let copied = try Dataset(
            name: "copied", images: dataset.readImages(), labels: dataset.labels,
            classNames: dataset.classNames)
        #expect(try InputScaling(of: dataset) == InputScaling(of: copied))
        #expect(throws: Computed.Missing(image: 2)) {
            try InputScaling(of: self.dataset(Computed(missing: 2)))
        }
    }

    @Test func aFingerprintReadsNoPixels() throws {
        let all = try dataset(Computed())
        #expect(try dataset(Computed(missing: 3)).fingerprint == all.fingerprint)
        #expect(all.subset([0, 1]).fingerprint != all.subset([1, 0]).fingerprint)
    }

    @Test func joinedSourcesKeepTheirOwn() throws {
        let first = try dataset(Computed()).subset([7, 30])
        let second = try numbered([1, 2, 3], height: 6, width: 8, channels: 2)
        let joined = try Dataset(joining: [first, second.subset([2, 0]), first])
        #expect(joined.sourceOfExamples == [0, 0, 1, 1, 2, 2])
        #expect(joined.labels == [7, 0, 3, 1, 7, 0])
        let images = try first.readImages().values(of: UInt8.self)
        let between = second.subset([2, 0]).images.values(of: UInt8.self)
        #expect(joined.images.values(of: UInt8.self) == images + between + images)
        #expect(joined.imageSource.commonSize == nil)
        #expect(joined.imageSource.count == 83)
    }

    @Test func imagesWithoutLabelsAreCounted() throws {
        let index = try DatasetIndex(name: "a", labels: [0], classNames: ["x"])
        #expect(throws: ImagesError.countsDiffer(images: 40, imagesPath: "a", labels: 1, labelsPath: "a")) {
            try Dataset(index, images: Computed(), framing: Framing(size: Self.size))
        }
    }
}
