import ArgumentParser
import Foundation
import Renorm
import Yams

/// Options in YAML: long names without dashes, and values. A file counts as arguments that come before those of the
/// command line, so the latter win.
///
///     norm: batch-renorm
///     batch-size: 32
///     nesterov: true
enum ConfigurationFile {
    /// The options that a file may hold: all of `TrainOptions` but those that say where and how this call runs.
    static let keys = [
        "data", "model", "stem", "norm", "norm-examples", "averaging-rate", "limits", "init", "init-except",
        "batch-size",
        "accumulate",
        "epochs",
        "steps", "sampling", "augment", "validation", "optimizer", "learning-rate", "schedule", "warmup",
        "momentum",
        "nesterov", "weight-decay", "clip-norm", "label-smoothing", "ema", "precision", "memory", "recompute",
        "on-non-finite", "evaluate-every",
        "checkpoint-every", "seed", "threads", "engine",
    ]

    /// Options that may be given several times; in a file they are lists.
    private static let repeatable: Set = ["data"]

    /// The key under which a run's file records what it ran on; not an option.
    static let recordKey = "recorded"

    /// The arguments with those of `--config`, and of the run's own file when resuming, put before them.
    static func expand(_ arguments: [String]) throws -> [String] {
        guard arguments.first == "train" else { return arguments }
        let given = Array(arguments.dropFirst())
        var base: [String] = []
        if given.contains("--resume"), let run = value(of: "--run", in: given) {
            let file = URL(fileURLWithPath: run).appendingPathComponent("config.yml")
            if FileManager.default.fileExists(atPath: file.path) {
                base += try read(file, unless: given)
            } else if value(of: "--data", in: given) == nil, value(of: "--config", in: given) == nil {
                throw UsageError(
                    "--resume: found no config.yml in '\(run.visible)', which would say what is trained; expected the "
                        + "folder of a run. Check --run, or give the options that the run began with, --data among "
                        + "them.")
            }
        }
        if let path = value(of: "--config", in: given) {
            base += try read(URL(fileURLWithPath: path), unless: given)
        }
        return ["train"] + base + given
    }

    private static func value(of option: String, in arguments: [String]) -> String? {
        if let index = arguments.lastIndex(of: option), index + 1 < arguments.count {
            return arguments[index + 1]
        }
        return arguments.last { $0.hasPrefix(option + "=") }.map { String($0.dropFirst(option.count + 1)) }
    }

    /// The file's options as arguments. Its length is left out where the command line gives one.
    private static func read(_ file: URL, unless given: [String]) throws -> [String] {
        let text: String
        do {
            text = try String(contentsOf: file, encoding: .utf8)
        } catch {
            throw UsageError(
                "'\(file.path)' cannot be read; expected a YAML file of options. Check --config.")
        }
        let loaded: Any?
        do {
            loaded = try Yams.load(yaml: text)
        } catch {
            throw UsageError("'\(file.path)' is not YAML: \(error). Correct it.")
        }
        guard let entries = (loaded ?? [String: Any]()) as? [String: Any] else {
            throw UsageError(
                "'\(file.path)' holds no mapping; expected lines such as 'batch-size: 64'. Correct it.")
        }
        let givesLength = given.contains { $0.hasPrefix("--epochs") || $0.hasPrefix("--steps") }
        var arguments: [String] = []
        for (key, value) in entries.sorted(by: { $0.key < $1.key }) where key != recordKey {
            guard keys.contains(key) else {
                throw UsageError(
                    "'\(file.path)': found the option '\(key)'; expected one of \(keys.joined(separator: ", ")). "
                        + "Correct it.")
            }
            if givesLength && (key == "epochs" || key == "steps") { continue }
            // Given on the command line they replace the whole list.
            if repeatable.contains(key), Self.value(of: "--\(key)", in: given) != nil { continue }
            switch value {
            case is NSNull: continue
            case let flag as Bool: arguments.append(flag ? "--\(key)" : "--no-\(key)")
            case let number as Int: arguments += ["--\(key)=\(number)"]
            case let number as Double: arguments += ["--\(key)=\(number)"]
            case let text as String: arguments += ["--\(key)=\(text)"]
            case let texts as [String] where repeatable.contains(key):
                arguments += texts.map { "--\(key)=\($0)" }
            default:
                throw UsageError(
                    "'\(file.path)': '\(key)' is neither text, number nor true/false. Correct it.")
            }
        }
        return arguments
    }
}

extension TrainOptions {
    /// The resolved options as YAML, in the order of `ConfigurationFile.keys`, with what the run ran on.
    func yaml(recorded: [(String, String)]) throws -> String {
        let values: [String: String?] = [
            "model": model, "stem": stem.rawValue, "norm": norm.description,
            "norm-examples": normExamples?.description, "averaging-rate": averagingRate?.description,
            "limits": limits, "init": self.`init`,
            "init-except": initExcept, "batch-size": batchSize.description,
            "accumulate": accumulate.description,
            "epochs": epochs?.description, "steps": steps?.description, "sampling": sampling,
            "augment": augment.rawValue, "validation": validation.description,
            "optimizer": optimizer.rawValue,
            "learning-rate": learningRate?.description, "schedule": schedule.rawValue,
            "warmup": warmup.description, "momentum": momentum?.description, "nesterov": nesterov.description,
            "weight-decay": weightDecay.description, "clip-norm": clipNorm?.description,
            "label-smoothing": labelSmoothing.description, "ema": ema?.description,
            "precision": precision.rawValue, "memory": memory.rawValue, "recompute": recompute.description,
            "on-non-finite": onNonFinite.rawValue, "evaluate-every": evaluateEvery?.description,
            "checkpoint-every": checkpointEvery?.description, "seed": seed.description,
            "threads": threads?.description, "engine": engine.rawValue,
        ]
        var lines = ["# The options of this run. 'renorm train --config THIS_FILE --run OTHER' repeats it."]
        for key in ConfigurationFile.keys {
            if key == "data" {
                lines.append("data:")
                lines += try dataSources.map { "  - \(try ConfigurationFile.scalar($0))" }
            }
            if let value = values[key] ?? nil {
                lines.append("\(key): \(try ConfigurationFile.scalar(value))")
            }
        }
        lines.append("# What it ran on.")
        lines.append("\(ConfigurationFile.recordKey):")
        lines += try recorded.map { "  \($0.0): \(try ConfigurationFile.scalar($0.1))" }
        return lines.joined(separator: "\n") + "\n"
    }
}

extension ConfigurationFile {
    /// A scalar as YAML writes it, quoted where it must be.
    fileprivate static func scalar(_ text: String) throws -> String {
        if Int(text) != nil || Double(text) != nil || text == "true" || text == "false" { return text }
        return try Yams.serialize(node: Node.scalar(.init(text))).split(separator: "\n").first.map(
            String.init) ?? "''"
    }
}
