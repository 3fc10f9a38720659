/// What can be wrong with images, labels, and the way batches are asked of them.
///
/// Each message says what was found and where, what was expected, and what to do.
public enum ImagesError: Error, Hashable, Sendable {
    /// A file could not be opened because it is not there; `candidates` are the names that would have done.
    case missingFile(folder: String, candidates: [String])
    /// A folder of data that is not there, or is no folder.
    case missingFolder(path: String, isSomethingElse: Bool)
    /// Something is there but cannot be read as a file.
    case unreadable(path: String, reason: String)
    /// A file that gzip compressed and that ends before its compressed data or their checksum do; `found` is what comes out
    /// of it in bytes.
    case cutCompression(path: String, found: Int)
    /// A file that gzip compressed and that was changed since.
    case damagedCompression(path: String, reason: String)
    /// A file does not start as an IDX file does; `magic` are its first bytes, uncompressed.
    case notIDX(path: String, magic: [UInt8])
    /// An IDX file of another element type than bytes.
    case unsupportedElements(path: String, code: UInt8)
    /// A file ends before what its header announces; both numbers in bytes, uncompressed, with the header.
    case truncated(path: String, found: Int, expected: Int)
    /// A file goes on after what its header announces, in bytes, uncompressed.
    case trailingBytes(path: String, expected: Int)
    /// An IDX file that announces more values than an array may have (`TensorShape.largestElementCount`).
    case tooLarge(path: String, shape: [Int])
    /// Images with a height, a width or a number of channels of 0.
    case noPixels(path: String, shape: [Int])
    /// A labels file, or another that has not the rank of images, where an images file should be.
    case labelsInsteadOfImages(path: String, shape: [Int])
    /// An images file, or another that has not the rank of labels, where a labels file should be.
    case imagesInsteadOfLabels(path: String, shape: [Int])
    /// Another number of images than of labels.
    case countsDiffer(images: Int, imagesPath: String, labels: Int, labelsPath: String)
    /// A label that names no class; `offset` is the label of the first class.
    case labelOutOfRange(path: String, label: Int, index: Int, classes: Int, offset: Int = 0)
    /// Another number of classes, or another label of the first, than data have that name their classes themselves.
    case namedClasses(data: String, found: Int, offset: Int, classes: Int)
    /// Training images and those of another part of different sizes; heights, widths and channels.
    case sizesDiffer(training: [Int], other: [Int], part: String)
    /// A part of data, such as their test examples, that they do not have.
    case noPart(data: String, part: String)
    /// Data that cannot be joined, because one has a part that another lacks.
    case partsDiffer(part: String, with: String, without: String)
    /// A dataset without examples.
    case empty(path: String)
    /// A well-known dataset that is nowhere on this machine.
    case datasetNotFound(name: String, searched: [String])
    /// More validation images asked for than there are training images.
    case holdOut(requested: Int, available: Int)
    /// A batch that is no positive number, or larger than the dataset.
    case batchSize(requested: Int, available: Int)
    /// A batch that cannot be cut into groups of this many examples.
    case groupSize(group: Int, batch: Int)
    /// Datasets that cannot be sources of one.
    case sourcesDiffer(first: String, other: String)
    /// A source that does not fill a batch.
    case sourceTooSmall(source: String, examples: Int, batch: Int)
    /// Label blocks that do not fill a batch or a group.
    case labelBlocks(labels: Int, each: Int, size: Int, isGroup: Bool)
    /// A class of which no example exists, where examples of every class are drawn; `heldOut` of them exist but are held
    /// out.
    case classWithoutExamples(name: String, heldOut: Int = 0)
    /// A word that names none of the choices of an option.
    case unknownChoice(option: String, found: String, choices: [String])
    /// A text that is no augmentation: what is in it that cannot be read, and what could.
    case augmentationText(text: String, found: String, expected: String)
    /// A file that is no picture that is read; what it is instead, and what to do with it.
    case notAPicture(path: String, found: String, remedy: String)
    /// A picture's file that cannot be decoded.
    case undecodable(path: String, format: PictureFormat, reason: String)
    /// A picture with more pixels, or more in a row or column, than are decoded.
    case pixelCount(path: String, height: Int, width: Int, largestSide: Int, largest: Int)
    /// An image with another number of channels than the model takes.
    case channels(path: String, found: Int, expected: Int)

    /// A folder or an archive without pictures; `others` are its files by suffix.
    case noPictures(path: String, others: [String: Int], hidden: Int)
    /// Pictures without folders that name their classes, at the top or in folders of parts.
    case picturesWithoutClasses(path: String, folders: [String])
    /// Pictures of one class alone; `below` are the folders in its own.
    case oneClass(path: String, name: String, below: [String])
    /// Folders that may be parts or classes.
    case unclearParts(path: String, folders: [String])
    /// Classes that the training pictures, or a network's classes, do not have.
    case unknownClasses(path: String, names: [String], known: [String])
    /// Pictures that cannot be read, of so many.
    case brokenPictures(path: String, PictureProblems, of: Int)
    /// No folders at the level whose names are the sources.
    case noSources(path: String, level: Int)
    /// A picture's file has another size than when the list was made.
    case changedPicture(path: String, found: Int, expected: Int)
    /// An archive that something packed.
    case compressedTar(path: String, packing: String)
    /// What is no archive, or a damaged one.
    case damagedTar(path: String, offset: Int, reason: String)
    /// A line of a table that cannot be read.
    case damagedTable(path: String, line: Int, reason: String)
    /// A table without a column that is needed, which may have one of these names.
    case missingColumn(path: String, wanted: [String], found: [String])
    /// A value of a table that means nothing.
    case tableValue(path: String, line: Int, column: String, found: String, expected: String)
    /// A picture that a table names twice.
    case repeatedPicture(path: String, line: Int, first: Int, picture: String)
    /// Decoded pictures that need more than may be used; bytes.
    case cacheTooLarge(place: String, needed: Int, budget: Int, isGiven: Bool)
    /// A folder for decoded pictures that does not do.
    case unusableCache(path: String, reason: String)
}

extension ImagesError: CustomStringConvertible {
    /// The message: what was found and where, what was expected, what to do.
    public var description: String {
        switch self {
        case .missingFile, .missingFolder, .unreadable, .cutCompression, .damagedCompression:
            readingDescription
        case .notIDX, .unsupportedElements, .truncated, .trailingBytes, .tooLarge, .noPixels,
            .labelsInsteadOfImages, .imagesInsteadOfLabels, .empty, .notAPicture, .undecodable,
            .pixelCount, .channels:
            fileDescription
        case .countsDiffer, .labelOutOfRange, .namedClasses, .sizesDiffer, .noPart, .partsDiffer,
            .datasetNotFound:
            datasetDescription
        case .holdOut, .batchSize, .groupSize, .sourcesDiffer, .sourceTooSmall, .labelBlocks,
            .classWithoutExamples, .unknownChoice, .augmentationText:
            requestDescription
        case .noPictures, .picturesWithoutClasses, .oneClass, .unclearParts, .unknownClasses, .brokenPictures,
            .noSources, .changedPicture, .compressedTar, .damagedTar, .damagedTable, .missingColumn,
            .tableValue,
            .repeatedPicture, .cacheTooLarge, .unusableCache:
            picturesDescription
        }
    }

    private var readingDescription: String {
        switch self {
        case .missingFile(let folder, let candidates) where candidates.count == 1:
            "There is no file \(candidates[0]) in \(folder). Expected it there. Check the path."
        case .missingFile(let folder, let candidates):
            "\(folder) holds no \(candidates[0]). Expected one of \(candidates.joined(separator: ", ")). "
                + "Check the path, or copy the file there."
        case .missingFolder(let path, let isSomethingElse):
            (isSomethingElse ? "\(path) is no folder" : "There is no folder \(path)")
                + ". Expected one with the files of a dataset. Check the path."
        case .unreadable(let path, let reason):
            "\(path) cannot be read: \(reason). Expected a readable file in a readable folder. "
                + "Check the path and its permissions."
        case .cutCompression(let path, let found):
            "\(path) is compressed by gzip and ends too early, after \(counted(found, "byte")) of what was compressed. "
                + "Expected all of it, with the checksum and the length that gzip writes at the end. "
                + "Fetch the file again."
        case .damagedCompression(let path, let reason):
            "\(path) is compressed by gzip and damaged: \(reason). Expected it as gzip wrote it. "
                + "Fetch the file again."
        default: preconditionFailure("not about reading")
        }
    }

    private var fileDescription: String {
        switch self {
        case .notIDX(let path, let magic):
            "\(beginning(path, magic)). Expected an IDX file of bytes, plain or compressed by gzip, which starts "
                + "with 00 00 08 and the number of axes, 01 to 08. Check that this is the right file."
        case .unsupportedElements(let path, let code):
            "\(path) is an IDX file with elements of type \(hexadecimal([code])). Expected unsigned bytes "
                + "(type 08). Convert its values to bytes."
        case .truncated(let path, let found, let expected):
            "\(path) ends after \(counted(found, "byte")). Expected at least \(expected) (uncompressed, with the "
                + "header). Fetch the file again."
        case .trailingBytes(let path, let expected):
            "\(path) goes on after \(expected) bytes (uncompressed). Expected it to end there, by its header. "
                + "Fetch the file again, or correct the counts in its header."
        case .tooLarge(let path, let shape):
            "\(path) announces \(extents(shape)) values. Expected at most 2^40. "
                + "Check that this is the right file, or fetch it again."
        case .noPixels(let path, let shape):
            "\(path) holds images without pixels: its shape is \(shape). Expected a height, a width and a number of "
                + "channels of at least 1. Check that this is the right file."
        case .labelsInsteadOfImages(let path, let shape):
            (shape.count == 1 ? "\(path) looks like the labels file: its" : "\(path) holds no images: its")
                + " shape is \(shape). Expected images [count, height, width] or "
                + "[count, height, width, channels]. "
                + (shape.count == 1
                    ? "Check whether the images and labels files are swapped."
                    : "Write the file with this shape.")
        case .imagesInsteadOfLabels(let path, let shape):
            (shape.count == 3 || shape.count == 4
                ? "\(path) looks like the images file: its" : "\(path) holds no labels: its")
                + " shape is \(shape). Expected labels [count]. "
                + (shape.count == 3 || shape.count == 4
                    ? "Check whether the images and labels files are swapped."
                    : "Write the file with this shape.")
        case .empty(let path):
            "\(path) holds no examples. Expected at least one. Check that this is the right file."
        case .notAPicture(let path, let found, let remedy):
            "\(path) \(found). Expected a JPEG, PNG, WebP, GIF or BMP picture. \(remedy)."
        case .undecodable(let path, let format, let reason):
            "\(path) is a \(format.name) file that cannot be decoded: \(reason). Expected a complete, intact \(format.name) image. "
                + "Fetch or save the file again."
        case .pixelCount(let path, let height, let width, let largestSide, let largest):
            "\(path) announces \(width) × \(height) pixels. Expected at most \(largestSide) in a row or column and "
                + "\(largest) in all. Make the image smaller."
        case .channels(let path, let found, let expected):
            "\(path) holds images with \(counted(found, "channel")). Expected \(expected), as the model was trained "
                + "on. Convert the images, or use a model for \(counted(found, "channel"))."
        default: preconditionFailure("not about a file's content")
        }
    }

    /// What a file is or starts with; a compressed one is said to hold it.
    private func beginning(_ path: String, _ magic: [UInt8]) -> String {
        magic.isEmpty
            ? "\(path) is empty" : "The content of \(path) starts with the bytes \(hexadecimal(magic))"
    }

    private var datasetDescription: String {
        switch self {
        case .countsDiffer(let images, let imagesPath, let labels, let labelsPath):
            "\(imagesPath) holds \(images) images, \(labelsPath) \(labels) labels. Expected a label for each "
                + "image. Check that the two files belong together."
        case .labelOutOfRange(let path, let label, let index, let classes, let offset):
            "\(path) has the label \(label) at index \(index). Expected labels from \(offset) to "
                + "\(offset + classes - 1), for \(classes) classes. Correct the labels, or say that there are more classes or that the "
                + "first has another label."
        case .namedClasses(let data, let found, let offset, let classes):
            "\(data) names its \(classes) classes itself, with labels from 0. Expected no others, found \(found) classes "
                + "from the label \(offset). Leave the number of classes and the label of the first out."
        case .sizesDiffer(let training, let other, let part):
            "Training images are \(training) (height, width, channels), \(part) images \(other). Expected one "
                + "size. Check that the files belong together."
        case .noPart(let data, let part):
            "\(data) has no \(part) images. Expected some. Name data that have them."
        case .partsDiffer(let part, let with, let without):
            "The data cannot be joined: \(with) has \(part) images, \(without) has none. Expected all data to come in the same "
                + "parts. Give \(without) some too, or take those of \(with) away."
        case .datasetNotFound(let name, let searched):
            "No training images of \(name) in \(searched.joined(separator: ", ")). Expected its four IDX files in one of "
                + "these folders. Run `make train` in the checkout, which fetches it, or install Debian's package "
                + "dataset-\(name), or name a folder of IDX files."
        default: preconditionFailure("not about a dataset")
        }
    }

    private var requestDescription: String {
        switch self {
        case .holdOut(_, let available) where available < 1:
            "There are no training images to hold any out of for validation. Expected at least one. Check the data."
        case .holdOut(let requested, let available):
            "\(requested) of \(available) training images were asked for validation. Expected a number from 0 "
                + "to \(available - 1), so that some are left for training. Choose such a number."
        case .batchSize(let requested, let available):
            "A batch of \(requested) was asked of \(available) examples. Expected a batch of 1 to \(available). "
                + "Choose another batch size."
        case .groupSize(let group, let batch):
            "Groups of \(group) examples do not divide a batch of \(batch). Expected a batch that is a "
                + "multiple of the group. Choose a batch of \(suggestedBatch(group: group, batch: batch)), or "
                + "another group."
        case .sourcesDiffer(let first, let other):
            "The data cannot be joined: \(first); but \(other). Expected images and classes of one kind. Convert one of "
                + "them; where it is their largest labels that differ, say how many classes there are."
        case .sourceTooSmall(let source, let examples, let batch):
            "Source \(source) has \(examples) examples; expected at least one batch of \(batch). Choose a smaller "
                + "batch, or sampling 'shuffled', which mixes sources."
        case .labelBlocks(let labels, let each, let size, let isGroup):
            "Label blocks of \(labels) labels × \(each) examples make \(product(labels, each)) examples. Expected "
                + "\(size), the size of \(isGroup ? "a group" : "the batch"). Choose labels and examples "
                + "whose product is \(size)."
        case .classWithoutExamples(let name, let heldOut) where heldOut > 0:
            "No example of the class '\(name)' is left to train on: \(heldOut == 1 ? "the only one is" : "all \(heldOut) are") "
                + "held out. Expected at least one of each class, because label blocks draw from every "
                + "class. Hold out fewer, or choose another sampling."
        case .classWithoutExamples(let name, _):
            "There is no example of the class '\(name)' to draw. Expected at least one of each class, because label "
                + "blocks draw from every class. Add examples, or choose another sampling\(name == "0" ? labelsFromOne : "")."
        case .unknownChoice(let option, let found, let choices):
            "\"\(found)\" is no \(option). Expected \(choices.joined(separator: ", ")). Choose one of these."
        case .augmentationText(let text, let found, let expected):
            "The augmentation '\(text)': found \(found); expected \(expected). Change it."
        default: preconditionFailure("not about a request")
        }
    }

    private func suggestedBatch(group: Int, batch: Int) -> Int {
        group < 1 ? batch : max((batch + group - 1) / group, 1) * group
    }
}

/// What a class 0 without examples mostly means.
private let labelsFromOne = "; if labels count from 1, say so (label offset 1)"

private func hexadecimal(_ bytes: [UInt8]) -> String {
    bytes.map { ($0 < 16 ? "0" : "") + String($0, radix: 16) }.joined(separator: " ")
}

private func counted(_ count: Int, _ noun: String) -> String { "\(count) \(noun)\(count == 1 ? "" : "s")" }

private func extents(_ shape: [Int]) -> String { shape.map(String.init).joined(separator: " × ") }

/// A product in words, which may be too large for an integer.
private func product(_ a: Int, _ b: Int) -> String {
    let (product, overflow) = a.multipliedReportingOverflow(by: b)
    return overflow ? "too many" : "\(product)"
}
