import RenormArrays

/// Labelled images: an index of the examples, and a source of their pixels.
///
/// Subsets and joined datasets share the source, so holding out validation images copies nothing.
///
///     let (training, test) = try Dataset.fashionMNIST()
///     let (kept, validation) = try training.split(validation: 5000, seed: 1)
public struct Dataset: Sendable {
    /// What is known of the examples without their pixels.
    public let index: DatasetIndex
    /// Where the pixels come from.
    public let imageSource: any ImageSource
    /// How images are brought to the size that they have in batches.
    public let framing: Framing

    /// Examples with the images of a source.
    ///
    /// - Parameters:
    ///   - index: the classes, one for each image.
    ///   - images: where the pixels come from.
    ///   - framing: how images are brought to one size; may be `nil` for a source whose images have one.
    /// - Throws: `ImagesError.countsDiffer` if there are more or fewer images than labels.
    public init(_ index: DatasetIndex, images: any ImageSource, framing: Framing? = nil) throws {
        try self.init(index, images: images, framing: framing, imagesPath: index.name, labelsPath: index.name)
    }

    private init(
        _ index: DatasetIndex, images: any ImageSource, framing: Framing?, imagesPath: String,
        labelsPath: String
    ) throws {
        guard images.count == index.count else {
            throw ImagesError.countsDiffer(
                images: images.count, imagesPath: imagesPath, labels: index.count, labelsPath: labelsPath)
        }
        guard let framing = framing ?? images.commonSize.map({ Framing(size: $0) }) else {
            preconditionFailure("the images of \(index.name) differ in size; say how they are framed")
        }
        self.init(index, images, framing)
    }

    private init(_ index: DatasetIndex, _ imageSource: any ImageSource, _ framing: Framing) {
        self.index = index
        self.imageSource = imageSource
        self.framing = framing
    }

    /// A dataset of images in memory.
    ///
    /// - Parameters:
    ///   - images: `u8`, [N, H, W, C] or, with one channel, [N, H, W].
    ///   - labels: N numbers from 0.
    ///   - classNames: one for each class.
    /// - Throws: `ImagesError` if the counts differ, images have no pixels or a label names no class.
    public init(name: String, images: NDArray, labels: [Int32], classNames: [String]) throws {
        try self.init(
            name: name, images: images, labels: labels, classNames: classNames,
            imagesPath: name, labelsPath: name)
    }

    init(
        name: String, images: NDArray, labels: [Int32], classNames: [String],
        imagesPath: String, labelsPath: String, labelOffset: Int = 0
    ) throws {
        precondition(images.type == .u8, "images of a dataset are u8, these are \(images.type)")
        precondition((3...4).contains(images.shape.rank), "images of shape \(images.shape)")
        guard !images.shape.dimensions.dropFirst().contains(0) else {
            throw ImagesError.noPixels(path: imagesPath, shape: images.shape.dimensions)
        }
        let images =
            images.shape.rank == 4
            ? images : images.reshaped(to: TensorShape(images.shape.dimensions + [1]))
        try self.init(
            DatasetIndex(
                name: name, labels: labels, classNames: classNames, labelOffset: labelOffset,
                labelsPath: labelsPath),
            images: MemoryImages(images), framing: nil, imagesPath: imagesPath, labelsPath: labelsPath)
    }

    /// Several datasets one after another, as the sources of one.
    ///
    /// - Throws: `ImagesError.sourcesDiffer` if images or classes are not of one kind.
    public init(joining parts: [Dataset]) throws {
        guard let first = parts.first else { preconditionFailure("no datasets to join") }
        for part in parts {
            guard part.framing == first.framing, part.classNames == first.classNames else {
                throw ImagesError.sourcesDiffer(
                    first: "\(first.name): \(first.kind)", other: "\(part.name): \(part.kind)")
            }
        }
        self.init(
            DatasetIndex(joining: parts.map { ($0.index, $0.imageSource.count) }),
            JoinedImages(parts.map(\.imageSource)), first.framing)
    }

    private var kind: String {
        "\(classCount) classes (\(classNames.prefix(3).joined(separator: ", ")), …), images of \(size)"
    }

    /// The examples at `indices`, in this order; an index may occur more than once. Copies no image.
    public func subset(_ indices: [Int], name: String? = nil) -> Dataset {
        Dataset(index.subset(indices, name: name), imageSource, framing)
    }

    /// The examples as training reads them: with images that may be reduced as far as their short side stays twice that of
    /// batches.
    package var forTraining: Dataset { replacing(imageSource.reduced(toShortSide: 2 * min(height, width))) }

    /// The images that others stand in for, because they cannot be had; `nil` where that is an error.
    package var brokenImages: BrokenImages? { (imageSource as? ReplacedImages)?.broken }

    /// The same examples with the images of another source, which has as many.
    func replacing(_ images: any ImageSource, framing: Framing? = nil) -> Dataset {
        precondition(images.count == imageSource.count, "\(images.count) images for \(imageSource.count)")
        return Dataset(index, images, framing ?? self.framing)
    }

    /// Holds out `count` examples, chosen by the seed alone. Both parts keep the order of the whole.
    ///
    /// - Throws: `ImagesError.holdOut` if no example would be left.
    public func split(validation count: Int, seed: UInt64) throws -> (training: Dataset, validation: Dataset)
    {
        let (training, validation) = try index.split(validation: count, seed: seed)
        return (Dataset(training, imageSource, framing), Dataset(validation, imageSource, framing))
    }
}

extension Dataset {
    /// What the dataset is called in messages and records.
    public var name: String { index.name }
    /// What the classes are called; their number is the number of classes.
    public var classNames: [String] { index.classNames }
    /// The class of each example, from 0.
    public var labels: [Int32] { index.labels }
    /// The number that the first class has in the files of labels.
    public var labelOffset: Int { index.labelOffset }
    /// What the dataset was joined of; one name, its own, if it was not.
    public var sources: [String] { index.sources }
    /// The source of each example, as a place in `sources`.
    public var sourceOfExamples: [Int] { index.sourceOfExamples }
    /// The number of examples.
    public var count: Int { index.count }
    /// The number of classes.
    public var classCount: Int { classNames.count }
    /// The number of examples of each class.
    public var classCounts: [Int] { index.classCounts }
    /// The size that images have in batches.
    public var size: ImageSize { framing.size }
    /// The height of every image in batches, in pixels.
    public var height: Int { size.height }
    /// The width of every image in batches, in pixels.
    public var width: Int { size.width }
    /// The number of channels of every image.
    public var channels: Int { size.channels }

    /// The number of examples of the class of this name.
    package func count(ofClass name: String) -> Int {
        classNames.firstIndex(of: name).map { classCounts[$0] } ?? 0
    }
}
