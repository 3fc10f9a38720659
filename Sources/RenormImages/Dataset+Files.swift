import Foundation
import RenormArrays

extension Dataset {
    /// The classes of Fashion-MNIST.
    public static let fashionMNISTClassNames = [
        "T-shirt/top", "Trouser", "Pullover", "Dress", "Coat", "Sandal", "Shirt", "Sneaker", "Bag",
        "Ankle boot",
    ]

    /// Fashion-MNIST (Xiao, Rasul and Vollgraf 2017): 60,000 training and 10,000 test images of 28 × 28 pixels.
    ///
    /// - Parameter folder: where its four files are. `nil` searches `$RENORM_DATA/fashion-mnist`, then
    ///   `.deps/fashion-mnist` in the current folder and the program's and all folders above them, then the
    ///   folder of Debian's package.
    /// - Throws: `ImagesError.datasetNotFound` with the folders searched; what `idx` throws.
    public static func fashionMNIST(in folder: URL? = nil) throws -> (training: Dataset, test: Dataset) {
        try idx(
            folder ?? fashionMNISTFolder(), name: "fashion-mnist", classNames: fashionMNISTClassNames)
    }

    /// The training and test sets in a folder with the file names of MNIST: `train-images-idx3-ubyte`,
    /// `train-labels-idx1-ubyte`, `t10k-images-idx3-ubyte` and `t10k-labels-idx1-ubyte`, each plain or `.gz`.
    ///
    /// - Parameters:
    ///   - folder: where the files are.
    ///   - name: what the dataset is called; the folder's name if `nil`.
    ///   - classNames: if `nil`, classes are called by number.
    ///   - numbering: how many classes there are, where nothing names them, and the label of the first.
    /// - Throws: `ImagesError` for every way in which the files can be wrong.
    public static func idx(
        _ folder: URL, name: String? = nil, classNames: [String]? = nil,
        numbering: LabelNumbering = LabelNumbering()
    ) throws -> (training: Dataset, test: Dataset) {
        let training = try idxPart(
            .training, folder, name: name, classNames: classNames, numbering: numbering)
        let test = try idxPart(
            .test, folder, name: name, classNames: training.classNames, numbering: numbering)
        _ = try DataParts(training: training, test: test)
        return (training, test)
    }

    /// The parts that a dataset's files come in.
    public enum Part: String, Sendable, CaseIterable, BitwiseCopyable {
        /// What a network is trained on.
        case training
        /// What the best state is chosen by, where it is not held out of the training examples.
        case validation
        /// What a finished network is measured on.
        case test
    }

    /// One part of what `idx` reads, for callers that know the classes already.
    public static func idxPart(
        _ part: Part, _ folder: URL, name: String? = nil, classNames: [String]? = nil,
        numbering: LabelNumbering = LabelNumbering()
    ) throws -> Dataset {
        precondition(part != .validation, "folders of IDX files have no validation part")
        let prefix = part == .training ? "train" : "t10k"
        let imagesURL = try file("\(prefix)-images", "idx3-ubyte", in: folder)
        let labelsURL = try file("\(prefix)-labels", "idx1-ubyte", in: folder)
        // Labels first: a swapped pair is told before tens of megabytes are unpacked.
        let labels = try IDXFile.readLabels(labelsURL)
        let images = try IDXFile.readImages(imagesURL)
        guard !labels.isEmpty else { throw ImagesError.empty(path: labelsURL.path) }
        let names = classNames ?? numbering.names(largest: Int(labels.max()!))
        return try Dataset(
            name: name ?? folder.standardizedFileURL.lastPathComponent, images: images,
            labels: numbering.offset == 0 ? labels : labels.map { $0 - Int32(numbering.offset) },
            classNames: names, imagesPath: imagesURL.path, labelsPath: labelsURL.path,
            labelOffset: numbering.offset)
    }

    private static func candidates(_ stem: String, _ suffix: String) -> [String] {
        // Some unpackers write a dot where the original has a hyphen.
        ["\(stem)-\(suffix)", "\(stem)-\(suffix).gz", "\(stem).\(suffix)", "\(stem).\(suffix).gz"]
    }

    /// The first candidate that is there. Some archives hold a folder of that name, with the file in it: it is left aside.
    private static func file(_ stem: String, _ suffix: String, in folder: URL) throws -> URL {
        let names = candidates(stem, suffix)
        var folders: [URL] = []
        for name in names {
            let url = folder.appendingPathComponent(name)
            switch try PathKind(url) {
            case .missing: continue
            case .folder: folders.append(url)
            case .file: return url
            }
        }
        if let url = folders.first { throw ImagesError.unreadable(path: url.path, reason: "it is a folder") }
        switch try PathKind(folder) {
        case .missing: throw ImagesError.missingFolder(path: folder.path, isSomethingElse: false)
        case .folder: throw ImagesError.missingFile(folder: folder.path, candidates: names)
        case .file: throw ImagesError.missingFolder(path: folder.path, isSomethingElse: true)
        }
    }

    /// Where `fashionMNIST` finds its files.
    ///
    /// - Throws: `ImagesError.datasetNotFound` with the folders searched.
    package static func fashionMNISTFolder(
        environment: [String: String] = ProcessInfo.processInfo.environment,
        currentFolder: URL = URL(fileURLWithPath: FileManager.default.currentDirectoryPath),
        program: URL? = Bundle.main.executableURL?.resolvingSymlinksInPath(),
        installed: URL = URL(fileURLWithPath: "/usr/share/datasets/fashion-mnist")
    ) throws -> URL {
        var folders: [URL] = []
        if let data = environment["RENORM_DATA"], !data.isEmpty {
            folders.append(URL(fileURLWithPath: data).appendingPathComponent("fashion-mnist"))
        }
        for start in [currentFolder, program?.deletingLastPathComponent()].compactMap({ $0 }) {
            folders += foldersUpwards(from: start.path).map {
                URL(fileURLWithPath: $0).appendingPathComponent(".deps/fashion-mnist")
            }
        }
        folders.append(installed)
        let names = candidates("train-images", "idx3-ubyte")
        for folder in folders {
            let isThere = names.contains {
                FileManager.default.fileExists(atPath: folder.appendingPathComponent($0).path)
            }
            if isThere { return folder }
        }
        var seen: Set<String> = []
        throw ImagesError.datasetNotFound(
            name: "fashion-mnist", searched: folders.map(\.path).filter { seen.insert($0).inserted })
    }
}
