import Foundation
import Renorm

/// Something that reads files from outside.
protocol Reader: Sendable {
    /// The name on the command line; also that of the random numbers.
    var name: String { get }
    /// How many cases it gets of a thousand that are asked for: fewer where one takes long.
    var share: Int { get }

    /// Writes the damaged files of a case into an empty folder: a function of the random numbers alone.
    func write(_ random: inout Random, from seeds: Seeds, to folder: URL) throws

    /// Reads them as the library does, and uses what was read. Whatever is thrown is a refusal, as it should be.
    func read(_ folder: URL) async throws
}

extension Reader {
    var share: Int { 1000 }
}

/// All readers, by the names on the command line.
let readers: [any Reader] =
    [
        TensorReader(), CheckpointReader(), SourceStatisticsReader(), ResumptionReader(), LimitsReader(),
        IDXReader(), JournalReader(), HistoryReader(),
        OptionsReader(), TarArchiveReader(), PictureTableReader(), WeightsReader(isLegacy: false),
        WeightsReader(isLegacy: true), ONNXReader(),
    ] + PictureFormat.allCases.map { PictureReader(format: $0) }

extension Random {
    /// Whether something happens that does once in so many times.
    mutating func happens(onceIn times: Int) -> Bool { integer(below: times) == 0 }

    /// One of several.
    mutating func one<Value>(of values: [Value]) -> Value { values[integer(below: values.count)] }
}

extension [UInt8] {
    /// Writes them to a file of a folder.
    func write(to folder: URL, _ name: String) throws {
        try Data(self).write(to: folder.appendingPathComponent(name))
    }
}
