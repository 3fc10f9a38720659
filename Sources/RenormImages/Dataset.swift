import RenormArrays

/// Labelled images in memory, as bytes.
///
/// Subsets share the images of the whole, so holding out validation images copies nothing.
///
///     let (training, test) = try Dataset.fashionMNIST()
///     let (kept, validation) = try training.split(validation: 5000, seed: 1)
public struct Dataset: Sendable {
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

    /// All images that this dataset and its relatives were cut from, [M, H, W, C].
    let pool: NDArray
    /// Where in the pool each example is; `nil`: the examples are the pool.
    let selection: [Int]?
    /// Where in the pool each source begins.
    let sourceStarts: [Int]

    /// A dataset of the given images.
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
        guard images.shape[0] == labels.count else {
            throw ImagesError.countsDiffer(
                images: images.shape[0], imagesPath: imagesPath, labels: labels.count,
                labelsPath: labelsPath)
        }
        guard !images.shape.dimensions.dropFirst().contains(0) else {
            throw ImagesError.noPixels(path: imagesPath, shape: images.shape.dimensions)
        }
        if let index = labels.firstIndex(where: { $0 < 0 || $0 >= classNames.count }) {
            throw ImagesError.labelOutOfRange(
                path: labelsPath, label: Int(labels[index]) + labelOffset, index: index,
                classes: classNames.count, offset: labelOffset)
        }
        self.labelOffset = labelOffset
        self.name = name
        self.classNames = classNames
        self.labels = labels
        pool =
            images.shape.rank == 4
            ? images : images.reshaped(to: TensorShape(images.shape.dimensions + [1]))
        selection = nil
        sources = [name]
        sourceStarts = [0]
    }

    /// Several datasets one after another, as the sources of one.
    ///
    /// - Throws: `ImagesError.sourcesDiffer` if images or classes are not of one kind.
    public init(joining parts: [Dataset]) throws {
        guard let first = parts.first else { preconditionFailure("no datasets to join") }
        for part in parts {
            guard part.imageSize == first.imageSize, part.classNames == first.classNames else {
                throw ImagesError.sourcesDiffer(
                    first: "\(first.name): \(first.kind)", other: "\(part.name): \(part.kind)")
            }
        }
        name = parts.map(\.name).joined(separator: " + ")
        classNames = first.classNames
        labels = parts.flatMap(\.labels)
        labelOffset = first.labelOffset
        selection = nil
        sources = parts.map(\.name)
        sourceStarts = parts.indices.map { parts[..<$0].reduce(0) { $0 + $1.count } }
        var pool = NDArray(uninitialized: TensorShape([labels.count] + first.imageSize), type: .u8)
        pool.withUnsafeMutableBytes { target in
            var position = 0
            for part in parts {
                part.images.withUnsafeBytes { source in
                    UnsafeMutableRawBufferPointer(rebasing: target[position..<position + source.count])
                        .copyMemory(from: source)
                    position += source.count
                }
            }
        }
        self.pool = pool
    }

    private var imageSize: [Int] { [height, width, channels] }

    private var kind: String {
        "\(classCount) classes (\(classNames.prefix(3).joined(separator: ", ")), …), images of "
            + imageSize.map(String.init).joined(separator: "×")
    }

    /// The source of each example, as a place in `sources`.
    public var sourceOfExamples: [Int] {
        func source(_ place: Int) -> Int { sourceStarts.lastIndex { $0 <= place }! }
        return selection.map { $0.map(source) } ?? (0..<count).map(source)
    }

    private init(_ whole: Dataset, name: String, indices: [Int]) {
        self.name = name
        classNames = whole.classNames
        labelOffset = whole.labelOffset
        labels = indices.map { whole.labels[$0] }
        pool = whole.pool
        sources = whole.sources
        sourceStarts = whole.sourceStarts
        selection = whole.selection.map { positions in indices.map { positions[$0] } } ?? indices
    }

    /// The number of examples.
    public var count: Int { labels.count }
    /// The number of classes.
    public var classCount: Int { classNames.count }
    /// The height of every image in pixels.
    public var height: Int { pool.shape[1] }
    /// The width of every image in pixels.
    public var width: Int { pool.shape[2] }
    /// The number of channels of every image.
    public var channels: Int { pool.shape[3] }

    /// The images, `u8` [N, H, W, C]; gathered anew for a subset.
    public var images: NDArray {
        guard let selection else { return pool }
        let size = height * width * channels
        var result = NDArray(uninitialized: [count, height, width, channels], type: .u8)
        pool.withUnsafeBytes { source in
            result.withUnsafeMutableBytes { destination in
                for (position, index) in selection.enumerated() {
                    UnsafeMutableRawBufferPointer(
                        rebasing: destination[position * size..<(position + 1) * size]
                    )
                    .copyMemory(
                        from: UnsafeRawBufferPointer(rebasing: source[index * size..<(index + 1) * size]))
                }
            }
        }
        return result
    }

    /// The number of examples of each class.
    public var classCounts: [Int] {
        var counts = [Int](repeating: 0, count: classCount)
        for label in labels { counts[Int(label)] += 1 }
        return counts
    }

    /// The number of examples of the class of this name.
    package func count(ofClass name: String) -> Int {
        classNames.firstIndex(of: name).map { classCounts[$0] } ?? 0
    }

    /// The examples at `indices`, in this order; an index may occur more than once. Copies no image.
    public func subset(_ indices: [Int], name: String? = nil) -> Dataset {
        Dataset(self, name: name ?? self.name, indices: indices)
    }

    /// Holds out `count` examples, chosen by the seed alone. Both parts keep the order of the whole.
    ///
    /// - Throws: `ImagesError.holdOut` if no example would be left.
    public func split(validation count: Int, seed: UInt64) throws -> (training: Dataset, validation: Dataset)
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
}
