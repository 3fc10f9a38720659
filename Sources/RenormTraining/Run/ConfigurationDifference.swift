import Foundation
import RenormFormats

/// An option that differs between a saved run and what is asked for.
public struct ConfigurationDifference: Hashable, Sendable {
    /// The option, as it is called in the configuration: `options.learningRate.value`.
    public var option: String
    /// Its value in the checkpoint.
    public var saved: String
    /// Its value now.
    public var given: String

    package init(option: String, saved: String, given: String) {
        (self.option, self.saved, self.given) = (option, saved, given)
    }
}

extension TrainingConfiguration {
    /// The options that may change when a run goes on: they decide how far it goes, when and how precisely it looks at
    /// itself and what it does with batches that are not finite, but not what a step computes.
    ///
    /// `steps` may become more or less, but not less than were made; a schedule that depends on the run's length is
    /// part of the other options, which must stay.
    public static let changeable: Set<String> = [
        "steps", "evaluateEvery", "patience", "checkpointEvery", "evaluationBatchSize", "evaluationPrecision",
        "onNonFinite", "initialization", "watchEvery",
        "options.memory", "options.recomputes",
    ]

    /// The options that must stay as they were when a run goes on but do not: empty if it can.
    public func differences(fromSaved saved: TrainingConfiguration) throws -> [ConfigurationDifference] {
        try ConfigurationDifference.between(saved: saved, given: self).filter {
            !TrainingConfiguration.changeable.contains($0.option)
        }
    }
}

extension ConfigurationDifference {
    /// What two values differ in when both are written as JSON, in the order of the names.
    static func between<Value: Encodable>(saved: Value, given: Value, prefix: String = "") throws
        -> [ConfigurationDifference]
    {
        let (old, new) = (try leaves(of: saved), try leaves(of: given))
        return Set(old.keys).union(new.keys).sorted().compactMap { name in
            let (saved, given) = (old[name] ?? "none", new[name] ?? "none")
            return saved == given
                ? nil : ConfigurationDifference(option: prefix + name, saved: saved, given: given)
        }
    }

    /// What is no object in a value written as JSON, by the names that lead to it, joined by dots.
    private static func leaves<Value: Encodable>(of value: Value) throws -> [String: String] {
        var result: [String: String] = [:]
        func add(_ value: Any, at name: String) throws {
            if let members = value as? [String: Any] {
                for (key, member) in members { try add(member, at: name.isEmpty ? key : "\(name).\(key)") }
            } else if let text = value as? String {
                result[name] = text
            } else {
                let json = try JSONSerialization.data(
                    withJSONObject: value, options: [.fragmentsAllowed, .sortedKeys, .withoutEscapingSlashes])
                result[name] = String(decoding: json, as: UTF8.self)
            }
        }
        let json = Data(try JSONCoder.encode(value).utf8)
        try add(JSONSerialization.jsonObject(with: json, options: .fragmentsAllowed), at: "")
        return result
    }
}
