import RenormArrays

/// What is known of a dataset's examples without looking at a pixel: the class of each, where it is from, and which image of
/// an `ImageSource` it is.
public struct DatasetIndex: Sendable {
    /// What the dataset is called in messages and records.
    public let name: String
    /// What the classes are called; their number is the number of classes.
    public let classNames: [String]
    /// The class of each example, from 0.
    public let labels: [Int32]
    /// The number that the first class has in the files of labels.
    public let labelOffset: Int
    /// What the dataset was joined of; one name, its own, if it was not.
    public let sources: [String]

    /// The source of each example; `nil`: there is one.
    private let origins: [Int32]?
    /// The image of each example; `nil`: example i is image i.
    private let images: [Int]?

    /// The index of a dataset whose example i is image i.
    ///
    /// - Parameters:
    ///   - labels: the class of each example, from 0.
    ///   - classNames: one for each class.
    ///   - labelOffset: the number that the first class has in the files of labels.
    ///   - labelsPath: what messages call the file of labels; the dataset's name if `nil`.
    /// - Throws: `ImagesError.labelOutOfRange` for a label that names no class.
    public init(
        name: String, labels: [Int32], classNames: [String], labelOffset: Int = 0, labelsPath: String? = nil
    ) throws {
        if let index = labels.firstIndex(where: { $0 < 0 || $0 >= classNames.count }) {
            throw ImagesError.labelOutOfRange(
                path: labelsPath ?? name, label: Int(labels[index]) + labelOffset, index: index,
                classes: classNames.count, offset: labelOffset)
        }
        self.init(
            name: name, classNames: classNames, labels: labels, labelOffset: labelOffset, sources: [name],
            origins: nil, images: nil)
    }

    /// The index of what is known to be right.
    ///
    /// - Parameters:
    ///   - sources: what the examples are from.
    ///   - origins: the source of each example; `nil`: there is one.
    ///   - images: the image of each example; `nil`: example i is image i.
    init(
        name: String, classNames: [String], labels: [Int32], labelOffset: Int = 0, sources: [String],
        origins: [Int32]?, images: [Int]? = nil
    ) {
        self.name = name
        self.classNames = classNames
        self.labels = labels
        self.labelOffset = labelOffset
        self.sources = sources
        self.origins = origins
        self.images = images
    }

    /// The number of examples.
    public var count: Int { labels.count }

    /// Which image of the image source an example is.
    public func image(of example: Int) -> Int { images?[example] ?? example }

    /// Whether example i is image i.
    var isWhole: Bool { images == nil }

    /// The source of each example, as a place in `sources`.
    public var sourceOfExamples: [Int] {
        origins?.map(Int.init) ?? [Int](repeating: 0, count: count)
    }

    /// The number of examples of each class.
    public var classCounts: [Int] {
        var counts = [Int](repeating: 0, count: classNames.count)
        for label in labels { counts[Int(label)] += 1 }
        return counts
    }

    /// The examples at `indices`, in this order; an index may occur more than once.
    public func subset(_ indices: [Int], name: String? = nil) -> DatasetIndex {
        DatasetIndex(
            name: name ?? self.name, classNames: classNames, labels: indices.map { labels[$0] },
            labelOffset: labelOffset, sources: sources,
            origins: origins.map { origins in indices.map { origins[$0] } },
            images: images.map { images in indices.map { images[$0] } } ?? indices)
    }

    /// Holds out `count` examples, chosen by the seed alone. Both parts keep the order of the whole.
    ///
    /// - Throws: `ImagesError.holdOut` if no example would be left.
    public func split(validation count: Int, seed: UInt64) throws
        -> (training: DatasetIndex, validation: DatasetIndex)
    {
        guard count >= 0, count < self.count else {
            throw ImagesError.holdOut(requested: count, available: self.count)
        }
        var random = Random(seed: seed, stream: "validation")
        var isHeldOut = [Bool](repeating: false, count: self.count)
        for index in random.permutation(self.count).prefix(count) { isHeldOut[index] = true }
        return (
            subset(isHeldOut.indices.filter { !isHeldOut[$0] }),
            subset(isHeldOut.indices.filter { isHeldOut[$0] }, name: "\(name), validation")
        )
    }

    /// Several indices one after another, each a source of the whole, and so the images of their image sources.
    ///
    /// - Parameter parts: Indices over the same classes, and the number of images that each one's image source has.
    init(joining parts: [(index: DatasetIndex, images: Int)]) {
        var images: [Int] = []
        var start = 0
        for part in parts {
            images += (0..<part.index.count).map { start + part.index.image(of: $0) }
            start += part.images
        }
        self.init(
            name: parts.map(\.index.name).joined(separator: " + "), classNames: parts[0].index.classNames,
            labels: parts.flatMap(\.index.labels), labelOffset: parts[0].index.labelOffset,
            sources: parts.map(\.index.name),
            origins: parts.indices.flatMap {
                [Int32](repeating: Int32($0), count: parts[$0].index.count)
            },
            images: images)
    }
}
