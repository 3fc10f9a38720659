import Foundation
import Renorm

/// The options that say how a network normalizes, which come together in one text (`NormalizationText`).
struct NormalizationOptions {
    /// `--norm`: a kind, and its options if wanted.
    var norm: String
    /// `--limits`: a word, or a file.
    var limits = "auto"
    /// `--averaging-rate`.
    var averagingRate: Double?
    /// `--norm-examples`.
    var examples: Int?

    /// What `--norm` reads, for its help.
    static var forms: String { NormalizationKinds.table.forms.joined(separator: ", ") }

    /// The normalization for a run of so many steps. Options that its kind does not have are left out; `NeedlessOption` says
    /// so.
    ///
    /// - Parameter begunWith: What the run began with, if it goes on.
    func normalization(steps: Int, batchSize: Int, begunWith: Normalization? = nil) throws -> Normalization {
        var text = norm
        if limits != "auto", has("limits") { text += " limits=\(try NormalizationOptions.limits(limits))" }
        if let averagingRate, has("rate"), !tunesItself { text += " rate=\(averagingRate)" }
        do {
            return try Normalization(
                parsing: text,
                in: NormalizationText.Run(
                    steps: steps, batchSize: batchSize, examples: has("examples") ? examples : nil,
                    begunWith: begunWith))
        } catch let error as NormalizationTextError {
            throw UsageError("--norm: " + error.description)
        }
    }

    /// Whether the kind has an option of this name.
    func has(_ option: String) -> Bool {
        let word = norm.split(separator: " ").first.map(String.init) ?? ""
        return NormalizationKinds.table.find(word)?.value.options.contains(option) ?? false
    }

    /// Whether the kind has limits and they choose themselves.
    var tunesItself: Bool { has("limits") && limits == "auto" && !norm.contains(" limits=") }

    /// Whether `--limits` names a file.
    static func isFile(_ limits: String) -> Bool {
        limits != "auto"
            && (try? Normalization(
                parsing: "batch-renorm limits=\(limits)", in: NormalizationText.Run(steps: 1000))) == nil
    }

    /// Limits as text, read from a file where they name one.
    private static func limits(_ text: String) throws -> String {
        guard isFile(text) else { return text }
        guard let data = try? Data(contentsOf: URL(fileURLWithPath: text)) else {
            throw UsageError(
                "--limits: found '\(text)', which is neither a file that can be read nor auto, \(Limits.forms). Use one of "
                    + "these.")
        }
        do {
            return try JSONDecoder().decode(Limits.self, from: data).description
        } catch let error as DecodingError {
            throw UsageError(
                "--limits: '\(text)' does not describe limits (\(error.placeAndReason)); expected "
                    + #"{"r_max": SCHEDULE, "d_max": SCHEDULE} with schedules such as {"kind": "constant", "value": 3}"#
                    + " or {\"kind\": \"linear\", \"points\": [[500, 1], [1000, 3]]}. Correct the file.")
        }
    }
}
