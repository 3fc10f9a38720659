import Foundation
import Renorm

/// Pictures as a command line names them: data with classes by their name, or files of pictures by their path, whatever is on them.
enum NamedPictures: TextForm, CustomStringConvertible {
    case data(DataSource)
    /// A folder, a picture, an IDX file, or `-` for a list on standard input.
    case files(String)

    init(parsing text: String) throws {
        if let source = try? DataSource(parsing: text) {
            self = .data(source)
        } else if text == "-" || FileManager.default.fileExists(atPath: text) {
            self = .files(text)
        } else {
            throw Fault("'\(text)', where nothing is", NamedPictures.expected)
        }
    }

    var description: String {
        switch self {
        case .data(let source): source.description
        case .files(let path): path
        }
    }

    static var expected: String {
        "a folder of pictures, a picture, an IDX file, or \(DataSources.formsText)"
    }
}

extension [NamedPictures] {
    /// Those with classes, or the files without: only one of both may be there.
    ///
    /// - Parameter option: What messages call the option that named them.
    func parted(_ option: String) throws -> (sources: [DataSource], files: [String]) {
        let sources = compactMap { if case .data(let source) = $0 { source } else { nil } }
        let files = compactMap { if case .files(let path) = $0 { path } else { nil } }
        guard sources.isEmpty || files.isEmpty else {
            throw UsageError(
                "--\(option): found data with classes beside pictures without; expected one of the two. Leave one out."
            )
        }
        return (sources, files)
    }

    /// The options that name them again: `--data images:photos`.
    func text(_ option: String) -> String {
        map { "--\(option) \($0.description.shellQuoted)" }.joined(separator: " ")
    }
}

/// Pictures in files, of which nobody says what is on them.
struct UnlabelledPictures {
    var paths: [String]
    /// What messages call the option that named them.
    var option: String
    /// What is chosen where there are more than are wanted.
    var seed: UInt64
    /// Whether pictures that cannot be read are left out.
    var skipsBroken: Bool
    var workers: Int?

    /// What they are called.
    var name: String { paths.count == 1 ? paths[0] : "the pictures" }

    /// At most so many of them, `u8` [N, H, W, C], in their order.
    func pixels(_ framing: Framing, atMost limit: Int) throws -> NDArray {
        let files = try PredictionFiles(paths)
        var all: [String] = []
        while let path = files.next() { all.append(path) }
        let reader = ImageFileReader(
            framing: framing,
            workers: workers ?? max(1, ProcessInfo.processInfo.activeProcessorCount - 1),
            paths: try PredictionFiles(chosen(all.count, of: limit).map { all[$0] }).next)
        var found: [NDArray] = []
        while let (_, file) = try reader.next() {
            do {
                found.append(try file.get().images)
            } catch let error as ImagesError where skipsBroken {
                warn("warning: left out: \(error)")
            }
        }
        guard !found.isEmpty else {
            throw UsageError(
                "--\(option): found no picture that can be read; expected some. Check the path.")
        }
        let pixels = found.count == 1 ? found[0] : NDArray(joining: found)
        let kept = chosen(pixels.shape[0], of: limit)
        return kept.count == pixels.shape[0]
            ? pixels : NDArray(joining: kept.map { pixels.rows($0..<$0 + 1) })
    }

    /// The same as a dataset of a network's classes, whose labels say nothing.
    func dataset(for classifier: Classifier, as preparation: Preparation, atMost limit: Int) throws -> Dataset
    {
        let pixels = try pixels(preparation.framing, atMost: limit)
        return try Dataset(
            name: name, images: pixels, labels: [Int32](repeating: 0, count: pixels.shape[0]),
            classNames: classifier.classNames)
    }

    /// As many of so many as are wanted, by the seed, in their order.
    private func chosen(_ count: Int, of most: Int) -> [Int] {
        guard count > most else { return Array(0..<count) }
        var random = Random(seed: seed, stream: "chosen")
        return random.permutation(count).prefix(most).sorted()
    }
}
