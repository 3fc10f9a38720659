import Foundation
import RenormArrays
import RenormFormats
import RenormTraining

/// A file of events for TensorBoard: what a run's history has, as curves and histograms, and pictures and texts beside it.
///
///     var file = try TensorBoardFile(in: folder, firstStep: 0)
///     for entry in history.entries { file.add(entry) }
///     try file.flush()
///
/// Tags: `loss/…` and `accuracy/…` of training, validation and test; `gradient norm`, `learning rate`, `images a second`; and of each
/// layer that was watched `difference/LAYER`, `drift/LAYER`, what it reports, the parts of r and d at their limits, and histograms
/// `r/LAYER`, `d/LAYER`, `mean lag/LAYER`, `scale lag/LAYER`.
public struct TensorBoardFile {
    /// Where it is.
    public let url: URL
    private var waiting: [UInt8] = []

    /// Begins a file, of a name that no other file in the folder has.
    ///
    /// - Parameters:
    ///   - folder: Where; it is made if it is missing.
    ///   - firstStep: Steps made before. What other files in the folder have of later ones is not shown any more.
    ///   - time: Seconds since 1970.
    /// - Throws: `TrainingError.folder`, `FormatError`.
    public init(in folder: URL, firstStep: Int, time: Double = Date().timeIntervalSince1970) throws {
        try RunFolder(folder).createIfMissing()
        let name = "events.out.tfevents.\(Int(time)).renorm"
        var (free, count) = (name, 0)
        while FileManager.default.fileExists(atPath: folder.appendingPathComponent(free).path) {
            count += 1
            free = "\(name).\(count)"
        }
        url = folder.appendingPathComponent(free)
        add(TensorBoardEvent(time: time, step: 0, content: .version))
        add(TensorBoardEvent(time: time, step: firstStep + 1, content: .start))
        try flush()
    }

    /// Adds what an entry of a history says that can be drawn.
    public mutating func add(_ entry: HistoryEntry) {
        let values = TensorBoardFile.values(of: entry)
        if !values.isEmpty {
            add(TensorBoardEvent(time: entry.time, step: entry.step, content: .values(values)))
        }
    }

    /// Adds a text in Markdown.
    public mutating func add(text: String, tag: String, step: Int, time: Double) {
        add(TensorBoardEvent(time: time, step: step, content: .values([(tag, .text(text))])))
    }

    /// Adds a picture.
    ///
    /// - Parameter pixels: `u8` `[H, W, C]`, C being 1 or 3.
    public mutating func add(picture pixels: NDArray, tag: String, step: Int, time: Double) {
        add(TensorBoardEvent(time: time, step: step, content: .values([(tag, .image(pixels))])))
    }

    /// Writes what waits.
    ///
    /// - Throws: `FormatError`.
    public mutating func flush() throws {
        guard !waiting.isEmpty else { return }
        try AtomicFile.append(waiting, to: url)
        waiting = []
    }

    private mutating func add(_ event: TensorBoardEvent) { waiting += event.record }

    private static func values(of entry: HistoryEntry) -> [(tag: String, value: TensorBoardEvent.Value)] {
        switch entry.event {
        case .steps(let stretch):
            return [
                ("loss/training", .scalar(stretch.loss)), ("accuracy/training", .scalar(stretch.accuracy)),
                ("gradient norm", .scalar(stretch.gradientNorm)),
                ("learning rate", .scalar(stretch.learningRate)),
                ("images a second", .scalar(stretch.imagesPerSecond)),
            ] + stretch.normalization.all.map { ("normalization/\($0.name)", .scalar($0.value)) }
        case .evaluation(let measured):
            let set = measured.set.rawValue
            let others: [(String, Double?)] = [
                ("confidence", measured.meanConfidence), ("calibration error", measured.calibrationError),
            ]
            return [("loss/\(set)", .scalar(measured.loss)), ("accuracy/\(set)", .scalar(measured.accuracy))]
                + others.compactMap { name, value in value.map { ("\(name)/\(set)", .scalar($0)) } }
        case .watch(let report): return report.layers.flatMap(values)
        case .warning(let message): return [("warnings", .text(message))]
        case .session, .stage, .skipped, .finished: return []
        }
    }

    private static func values(of layer: LayerWatch) -> [(tag: String, value: TensorBoardEvent.Value)] {
        let name = layer.path.isEmpty ? "model" : layer.path
        let numbers: [(String, Double?)] =
            [
                ("difference", layer.difference), ("drift", layer.drift), ("r at its limit", layer.rAtLimit),
                ("d at its limit", layer.dAtLimit), ("constant channels", layer.constantChannels),
            ] + layer.readings.all.map { ("reading \($0.name)", $0.value) }
        let spreads: [(String, Distribution?)] = [
            ("r", layer.r), ("d", layer.d), ("mean lag", layer.meanLag), ("scale lag", layer.scaleLag),
        ]
        return numbers.compactMap { what, value in value.map { ("\(what)/\(name)", .scalar($0)) } }
            + spreads.compactMap { what, spread in
                spread.map { ("\(what)/\(name)", .histogram($0, count: layer.channels)) }
            }
    }
}
