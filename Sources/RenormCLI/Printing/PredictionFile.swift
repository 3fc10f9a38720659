import Foundation
import Renorm

/// The CSV file of what a network says of each image of a dataset.
final class PredictionFile: @unchecked Sendable {
    // Added to by the one thread that evaluates, and read after that has ended.
    private var lines: [UInt8]
    private let dataset: Dataset

    init(of dataset: Dataset) {
        self.dataset = dataset
        lines = []
        append(["path", "label", "prediction"] + dataset.classNames)
    }

    /// Adds a line.
    func add(_ result: ExampleResult) {
        let image = dataset.index.image(of: result.index)
        append(
            [
                dataset.imageSource.name(of: image) ?? "\(image)", dataset.classNames[result.label],
                dataset.classNames[result.prediction],
            ] + result.probabilities.map { "\($0)" })
    }

    /// Replaces a file by the lines.
    ///
    /// - Throws: `FormatError`.
    func write(to url: URL) throws { try AtomicFile.write(lines, to: url) }

    private func append(_ fields: [String]) {
        lines += csvLine(fields).utf8
    }
}
