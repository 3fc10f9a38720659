import Foundation
import RenormArrays
import RenormImages
import Testing

@Suite struct DatasetTests {
    private static let good: [String: [UInt8]] = [
        "train-images-idx3-ubyte": idx([3, 2, 2], Array(0..<12)),
        "train-labels-idx1-ubyte": idx([3], [0, 2, 1]),
        "t10k-images-idx3-ubyte": idx([2, 2, 2], Array(0..<8)),
        "t10k-labels-idx1-ubyte": idx([2], [1, 0]),
    ]

    private func folder(changing changes: [String: [UInt8]?] = [:]) throws -> TemporaryFolder {
        let folder = try TemporaryFolder()
        for (name, bytes) in Self.good.merging(changes.compactMapValues { $0 }, uniquingKeysWith: { $1 }) {
            if case .some(.none) = changes[name] { continue }
            _ = try folder.file(name, bytes)
        }
        return folder
    }

    @Test func readsAFolderOfIDXFiles() throws {
        let folder = try folder()
        let (training, test) = try Dataset.idx(folder.url)
        #expect(training.count == 3)
        #expect((training.height, training.width, training.channels) == (2, 2, 1))
        #expect(training.labels == [0, 2, 1])
        #expect(training.classNames == ["0", "1", "2"])
        #expect(test.classNames == training.classNames)
        #expect(test.labels == [1, 0])
        #expect(test.images.values(of: UInt8.self) == Array(0..<8))
        #expect(training.name == folder.url.lastPathComponent)
    }

    @Test func aNumberingSaysWhatLabelsMean() throws {
        let folder = try folder()
        let six = try Dataset.idx(folder.url, numbering: LabelNumbering(classes: 6))
        #expect(six.training.classNames == ["0", "1", "2", "3", "4", "5"] && six.test.classCount == 6)
        let shifted = try self.folder(changing: [
            "train-labels-idx1-ubyte": idx([3], [4, 6, 5]), "t10k-labels-idx1-ubyte": idx([2], [5, 4]),
        ])
        let (training, test) = try Dataset.idx(shifted.url, numbering: LabelNumbering(offset: 4))
        #expect(training.labels == [0, 2, 1] && test.labels == [1, 0])
        #expect(training.classNames == ["4", "5", "6"] && test.classNames == training.classNames)
        // A network's classes are known already.
        let known = try DataSource.load(
            [DataSource(parsing: "idx:\(shifted.url.path)")], .test, classNames: training.classNames,
            labelOffset: 4)
        #expect(known.labels == test.labels)
        let path = shifted.url.appendingPathComponent("train-labels-idx1-ubyte").path
        #expect(throws: ImagesError.labelOutOfRange(path: path, label: 6, index: 1, classes: 2, offset: 4)) {
            try Dataset.idx(shifted.url, numbering: LabelNumbering(classes: 2, offset: 4))
        }
        #expect(throws: ImagesError.labelOutOfRange(path: path, label: 4, index: 0, classes: 2, offset: 5)) {
            try Dataset.idx(shifted.url, numbering: LabelNumbering(offset: 5))
        }
        #expect(throws: ImagesError.self) {
            try DataSource(parsing: "fashion-mnist").load(numbering: LabelNumbering(classes: 11))
        }
    }

    @Test(
        arguments: [
            ([0, 1, 2], 3, []),
            ([1, 2, 2], 3, ["1 class of 3", "has no training image: 0.", "label offset 1"]),
            (
                [0, 0, 9], 10,
                ["8 classes of 10", "1, 2, 3, 4, 5, …", "9, which 1 of 3 images has", "number of classes"]
            ),
            ([0, 1, 1], 3, ["1 class of 3", "no training image: 2."]),
        ] as [([Int32], Int, [String])])
    func classesWithoutImagesAreWarnedOf(labels: [Int32], classes: Int, expected: [String]) throws {
        let warnings = try numbered(labels, classes: classes).warningsOfClasses
        #expect(warnings.count == (expected.isEmpty ? 0 : 1))
        for part in expected { #expect(warnings[0].contains(part), "\(warnings)") }
        if labels == [0, 1, 1] { #expect(!warnings[0].contains("--"), "\(warnings)") }
    }

    @Test func readsCompressedFilesAndDots() throws {
        let folder = try folder(changing: [
            "train-images-idx3-ubyte": nil, "train-labels-idx1-ubyte": nil,
            "train-images-idx3-ubyte.gz": gzip(Self.good["train-images-idx3-ubyte"]!),
            "train-labels.idx1-ubyte": Self.good["train-labels-idx1-ubyte"]!,
        ])
        #expect(try Dataset.idx(folder.url).training.labels == [0, 2, 1])
    }

    /// Files changed (`nil`: taken away), and what is said about it.
    static let wrongFolders: [([String: [UInt8]?], String)] = [
        (
            ["train-labels-idx1-ubyte": nil],
            "DIR holds no train-labels-idx1-ubyte. Expected one of train-labels-idx1-ubyte, "
                + "train-labels-idx1-ubyte.gz, train-labels.idx1-ubyte, train-labels.idx1-ubyte.gz. Check the path, or copy the file there."
        ),
        (
            [
                "train-images-idx3-ubyte": good["train-labels-idx1-ubyte"]!,
                "train-labels-idx1-ubyte": good["train-images-idx3-ubyte"]!,
            ],
            "DIR/train-labels-idx1-ubyte looks like the images file: its shape is [3, 2, 2]. Expected labels "
                + "[count]. Check whether the images and labels files are swapped."
        ),
        (
            ["train-labels-idx1-ubyte": idx([2], [0, 1])],
            "DIR/train-images-idx3-ubyte holds 3 images, DIR/train-labels-idx1-ubyte 2 labels. Expected a label "
                + "for each image. Check that the two files belong together."
        ),
        (
            ["t10k-labels-idx1-ubyte": idx([2], [1, 3])],
            "DIR/t10k-labels-idx1-ubyte has the label 3 at index 1. Expected labels from 0 to 2, for 3 classes. "
                + "Correct the labels, or say that there are more classes or that the first has another label."
        ),
        (
            ["t10k-images-idx3-ubyte": idx([2, 2, 3], Array(0..<12))],
            "Training images are [2, 2, 1] (height, width, channels), test images [2, 3, 1]. Expected one size. "
                + "Check that the files belong together."
        ),
        (
            ["t10k-labels-idx1-ubyte": idx([0], []), "t10k-images-idx3-ubyte": idx([0, 2, 2], [])],
            "DIR/t10k-labels-idx1-ubyte holds no examples. Expected at least one. Check that this is the right "
                + "file."
        ),
    ]

    @Test(arguments: wrongFolders)
    func saysWhatIsWrong(changes: [String: [UInt8]?], message: String) throws {
        let folder = try folder(changing: changes)
        let error = try #require(throws: ImagesError.self) { try Dataset.idx(folder.url) }
        #expect(error.message(in: folder) == message)
    }

    @Test func subsetsShareTheImages() throws {
        let whole = try numbered([0, 1, 2, 3, 4])
        let subset = whole.subset([3, 1, 3])
        #expect(subset.labels == [3, 1, 3])
        let size = 12
        let pixels = whole.images.values(of: UInt8.self)
        let expected = [3, 1, 3].flatMap { pixels[$0 * size..<($0 + 1) * size] }
        #expect(subset.images.values(of: UInt8.self) == expected)
        #expect(subset.subset([1]).images.values(of: UInt8.self) == Array(pixels[size..<2 * size]))
        #expect(subset.classCounts == [0, 1, 0, 2, 0, 0, 0, 0, 0, 0])
    }

    @Test func holdsOutBySeed() throws {
        let whole = try numbered((0..<100).map { $0 % 10 })
        let (training, validation) = try whole.split(validation: 30, seed: 1)
        #expect(training.count == 70)
        #expect(validation.count == 30)
        func firstPixels(_ dataset: Dataset) -> [UInt8] {
            let pixels = dataset.images.values(of: UInt8.self)
            return (0..<dataset.count).map { pixels[$0 * 12] }
        }
        #expect((firstPixels(training) + firstPixels(validation)).sorted() == firstPixels(whole).sorted())
        #expect(try firstPixels(whole.split(validation: 30, seed: 1).validation) == firstPixels(validation))
        #expect(try firstPixels(whole.split(validation: 30, seed: 2).validation) != firstPixels(validation))
        #expect(try whole.split(validation: 0, seed: 1).training.labels == whole.labels)
        #expect(try whole.split(validation: 0, seed: 1).validation.count == 0)
    }

    @Test(arguments: [100, 101, -1])
    func holdingOutLeavesSome(count: Int) throws {
        let whole = try numbered((0..<100).map { $0 % 10 })
        let error = try #require(throws: ImagesError.self) { try whole.split(validation: count, seed: 1) }
        #expect(
            "\(error)"
                == "\(count) of 100 training images were asked for validation. Expected a number from 0 to "
                + "99, so that some are left for training. Choose such a number.")
    }

    @Test func refusesLabelsBelowZero() {
        #expect(throws: ImagesError.labelOutOfRange(path: "numbered", label: -1, index: 1, classes: 10)) {
            try numbered([0, -1])
        }
    }

    @Test func searchesInOrder() throws {
        let root = try TemporaryFolder()
        func place(_ path: String) throws -> URL {
            let folder = root.url.appendingPathComponent(path)
            try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
            try Data().write(to: folder.appendingPathComponent("train-images-idx3-ubyte.gz"))
            return folder
        }
        func find() throws -> String {
            try Dataset.fashionMNISTFolder(
                environment: ["RENORM_DATA": root.url.appendingPathComponent("data").path],
                currentFolder: root.url.appendingPathComponent("work/deep"),
                program: root.url.appendingPathComponent("checkout/.build/release/renorm"),
                installed: root.url.appendingPathComponent("installed")
            ).path
        }
        let error = try #require(throws: ImagesError.self) { try find() }
        guard case .datasetNotFound("fashion-mnist", let searched) = error else {
            Issue.record("\(error)")
            return
        }
        #expect(searched.first == root.url.path + "/data/fashion-mnist")
        #expect(searched.contains(root.url.path + "/work/.deps/fashion-mnist"))
        #expect(searched.last == root.url.path + "/installed")
        #expect(Set(searched).count == searched.count)
        #expect("\(error)".contains("`make train`") && "\(error)".contains("dataset-fashion-mnist"))
        for path in [
            "installed", "checkout/.deps/fashion-mnist", "work/.deps/fashion-mnist", "data/fashion-mnist",
        ] {
            #expect(try place(path).path == find())
        }
    }

    @Test func joinedDatasetsKnowTheirSources() throws {
        func part(_ name: String, _ count: Int, from first: UInt8, classes: [String] = ["a", "b"]) throws
            -> Dataset
        {
            try Dataset(
                name: name,
                images: NDArray((0..<UInt8(count * 4)).map { first + $0 }, shape: [count, 2, 2, 1]),
                labels: (0..<count).map { Int32($0 % 2) }, classNames: classes)
        }
        let joined = try Dataset(joining: [part("x", 3, from: 0), part("y", 2, from: 100)])
        #expect(joined.name == "x + y" && joined.sources == ["x", "y"] && joined.count == 5)
        #expect(joined.sourceOfExamples == [0, 0, 0, 1, 1])
        #expect(joined.labels == [0, 1, 0, 0, 1])
        #expect(joined.images.withValues(of: UInt8.self) { Array($0) } == Array(0..<12) + Array(100..<108))
        #expect(joined.subset([4, 0, 3]).sourceOfExamples == [1, 0, 1])
        let error = #expect(throws: ImagesError.self) {
            try Dataset(joining: [part("x", 3, from: 0), part("y", 2, from: 0, classes: ["a", "c"])])
        }
        #expect("\(String(describing: error))".contains("y: 2 classes (a, c"))
    }

    @Test(.enabled(if: hasFashionMNIST)) func readsTheRealFashionMNIST() throws {
        let (training, test) = try Dataset.fashionMNIST()
        #expect(training.images.shape == [60_000, 28, 28, 1])
        #expect(test.images.shape == [10_000, 28, 28, 1])
        #expect(training.classCounts == [Int](repeating: 6000, count: 10))
        #expect(test.classCounts == [Int](repeating: 1000, count: 10))
        #expect(training.labels.prefix(8) == [9, 0, 0, 3, 0, 2, 7, 2])
        #expect(training.classNames[9] == "Ankle boot")
        // The numbers that everybody uses for this dataset.
        let scaling = try InputScaling(of: training)
        #expect(abs(scaling.mean[0] - 0.2860) < 5e-5)
        #expect(abs(scaling.deviation[0] - 0.3530) < 5e-5)
    }
}
