import Foundation
import Renorm

// What is found by name: normalizations, networks, data and engines. Each has its text form here, and nothing else of the tool
// reads one.

/// A normalization by its text form (`NormalizationText`), whose value may depend on the run.
struct NormalizationChoice: TextForm, CustomStringConvertible {
    let description: String

    init(parsing text: String) throws {
        description = text
        if isKept { return }
        // What is wrong with it is wrong in every run.
        _ = try value(in: NormalizationText.Run(steps: 1000, batchSize: 32, examples: 8))
    }

    static var expected: String { NormalizationKinds.table.forms.joined(separator: ", ") }

    /// The normalization that a network has which a run goes on from.
    static let keep = NormalizationChoice(description: "keep")

    private init(description: String) { self.description = description }

    /// Whether it is the one that a network has which a run goes on from.
    var isKept: Bool { description == "keep" }

    /// Whether its kind has an option of this name.
    func has(_ option: String) -> Bool {
        let word = description.split(separator: " ").first.map(String.init) ?? ""
        return NormalizationKinds.table.find(word)?.value.options.contains(option) ?? false
    }

    /// Whether the text itself names an option.
    func names(_ option: String) -> Bool { description.contains(" \(option)=") }

    /// The normalization in a run, with more options.
    func value(in run: NormalizationText.Run, adding options: [String] = []) throws -> Normalization {
        if isKept { throw Fault("'keep' without a network to go on from", NormalizationChoice.expected) }
        do {
            return try Normalization(parsing: ([description] + options).joined(separator: " "), in: run)
        } catch let error as NormalizationTextError {
            throw Fault(error.found, error.expected)
        }
    }
}

/// The limits of batch renorm's correction by a word, or in a file.
struct LimitsText: TextForm, CustomStringConvertible {
    /// The text form that a normalization reads.
    let text: String
    /// The word, or the file's path.
    let description: String

    static let automatic = LimitsText(text: "auto", description: "auto")
    static var expected: String { "auto, \(Limits.forms)" }

    var isAutomatic: Bool { text == "auto" }

    private init(text: String, description: String) { (self.text, self.description) = (text, description) }

    init(parsing text: String) throws {
        let isWord = (try? NormalizationChoice(parsing: "batch-renorm limits=\(text)")) != nil
        if isWord {
            self.init(text: text, description: text)
        } else {
            let file = URL(fileURLWithPath: text)
            self.init(text: try LimitsText.read(file, text).description, description: file.path)
        }
    }

    private static func read(_ file: URL, _ text: String) throws -> Limits {
        guard let data = try? Data(contentsOf: file) else {
            throw UsageError(
                "found neither a file that can be read nor \(expected). Use one of these.")
        }
        do {
            return try JSONCoder.decode(Limits.self, from: data)
        } catch let error as DecodingError {
            throw UsageError(
                "'\(text)' does not describe limits (\(error.placeAndReason)); expected "
                    + #"{"r_max": SCHEDULE, "d_max": SCHEDULE} with schedules such as {"kind": "constant", "value": 3}"#
                    + " or {\"kind\": \"linear\", \"points\": [[500, 1], [1000, 3]]}. Correct the file.")
        }
    }
}

extension NormalizationOptions {
    /// The normalization in a run. What its kind does not have is left out; `NeedlessOption` says so.
    func value(
        steps: Int, batchSize: Int, limits: LimitsText = .automatic, averagingRate: Double? = nil,
        epsilon: Double? = nil, begunWith: Normalization? = nil
    ) throws -> Normalization {
        var options: [String] = []
        if let epsilon, !norm.names("epsilon") { options.append("epsilon=\(epsilon)") }
        if norm.has("limits"), !limits.isAutomatic { options.append("limits=\(limits.text)") }
        if norm.has("rate"), !tunesItself(limits), let averagingRate {
            options.append("rate=\(averagingRate)")
        }
        do {
            return try norm.value(
                in: NormalizationText.Run(
                    steps: steps, batchSize: batchSize, examples: norm.has("examples") ? normExamples : nil,
                    begunWith: begunWith), adding: options)
        } catch let fault as Fault {
            throw UsageError("--norm '\(norm)': \(fault). Change it, or the options beside it.")
        }
    }

    /// Whether its kind has limits and they choose themselves.
    func tunesItself(_ limits: LimitsText) -> Bool {
        norm.has("limits") && limits.isAutomatic && !norm.names("limits")
    }
}

extension DataSource: TextForm {
    /// What can be read.
    public static var expected: String { DataSources.formsText }

    /// Fashion-MNIST, which every machine can have.
    static var fashionMNIST: DataSource {
        guard let source = try? DataSource(parsing: "fashion-mnist") else {
            preconditionFailure("fashion-mnist is in the table")
        }
        return source
    }
}

/// What computes, by name.
struct EngineChoice: TextForm, CustomStringConvertible {
    let description: String
    private let row: Engines.Row

    static let onednn = EngineChoice(description: "onednn", row: Engines.table["onednn"]!)
    static var expected: String { Engines.table.forms.joined(separator: " or ") }

    private init(description: String, row: Engines.Row) { (self.description, self.row) = (description, row) }

    init(parsing text: String) throws {
        guard let (row, _) = Engines.table.find(text) else {
            let fault = Engines.table.fault(of: text)
            throw Fault(fault.found, fault.expected)
        }
        self.init(description: text, row: row)
    }

    /// Whether it computes on several threads.
    var hasThreads: Bool { row.usesThreads }

    /// Whether it computes convolutions by the algorithm that is asked for.
    var choosesConvolutions: Bool { row.choosesConvolutions }

    /// The engine with these options; no threads mean one a core. More than cores are warned of.
    func makeEngine(_ options: Engines.Options) throws -> any Engine {
        let cores = ProcessInfo.processInfo.activeProcessorCount
        let engine = try row.make(options)
        if hasThreads, engine.description.threads > cores {
            warn(
                "warning: --threads: found \(engine.description.threads) on \(cores) core\(cores == 1 ? "" : "s"); threads that "
                    + "share a core wait for one another, and training may take many times as long")
        }
        return engine
    }
}
