import Foundation
import Renorm

// What is found by name: normalizations, networks, data and engines. Each has its text form here, and nothing else of the tool
// reads one.

extension NormalizationKind: TextForm {
    /// Reads the text form.
    public init(parsing text: String) throws {
        guard let kind = NormalizationKind(text) else { throw Fault("'\(text)'", NormalizationKind.names) }
        self = kind
    }
    /// What can be read.
    public static var expected: String { names }
}

/// The limits of batch renorm's correction by a word, or in a file.
struct LimitsText: TextForm, CustomStringConvertible {
    let choice: LimitsChoice
    /// The word, or the file's path.
    let description: String

    static let automatic = LimitsText(choice: .automatic, description: "auto")
    static var expected: String { LimitsChoice.names }

    private init(choice: LimitsChoice, description: String) {
        (self.choice, self.description) = (choice, description)
    }

    init(parsing text: String) throws {
        if let choice = LimitsChoice(text) {
            self.init(choice: choice, description: text)
        } else {
            let file = URL(fileURLWithPath: text)
            self.init(choice: .fixed(try LimitsText.read(file, text)), description: file.path)
        }
    }

    private static func read(_ file: URL, _ text: String) throws -> Limits {
        guard let data = try? Data(contentsOf: file) else {
            throw UsageError(
                "found neither a file that can be read nor \(LimitsChoice.names). Use one of these.")
        }
        do {
            return try JSONDecoder().decode(Limits.self, from: data)
        } catch let error as DecodingError {
            throw UsageError(
                "'\(text)' does not describe limits (\(error.placeAndReason)); expected "
                    + #"{"r_max": SCHEDULE, "d_max": SCHEDULE} with schedules such as {"kind": "constant", "value": 3}"#
                    + " or {\"kind\": \"linear\", \"points\": [[500, 1], [1000, 3]]}. Correct the file.")
        }
    }
}

/// The name of a network, which the library looks up when it makes the layers.
struct NetworkName: TextForm, CustomStringConvertible {
    let description: String

    init(parsing text: String) { description = text }

    static var expected: String { Architecture.names }
    var hasStem: Bool { Architecture.hasStem(description) }
}

extension DatasetSource: TextForm {
    /// What can be read.
    public static var expected: String { "fashion-mnist or idx:DIR" }

    /// Whether every machine knows it by the same name, with names for its classes.
    var isKnownEverywhere: Bool { self == .fashionMNIST }
}

/// What computes.
enum EngineChoice: String, TextForm, CaseIterable {
    case onednn, reference

    /// Whether it computes on several threads.
    var hasThreads: Bool { self == .onednn }

    /// The engine with this many threads; `nil` for one a core. More than cores are warned of.
    func makeEngine(threads: Int?) throws -> any Engine {
        let cores = ProcessInfo.processInfo.activeProcessorCount
        switch self {
        case .onednn:
            let engine = try OneDNNEngine(threads: threads)
            if engine.threads > cores {
                warn(
                    "warning: --threads: found \(engine.threads) on \(cores) core\(cores == 1 ? "" : "s"); threads that "
                        + "share a core wait for one another, and training may take many times as long")
            }
            return engine
        case .reference: return ReferenceEngine()
        }
    }
}
