import ArgumentParser
import Foundation
import Renorm

/// Options in YAML: long names without dashes, and values. A file counts as arguments that come before those of the
/// command line, so the latter win.
///
///     norm: batch-renorm
///     batch-size: 32
///     nesterov: true
enum ConfigurationFile {
    /// What an option's value is.
    enum Kind { case number, flag, text, texts }

    /// The options that a file may hold: all of `TrainOptions` but those that say where and how this call runs.
    static let kinds: KeyValuePairs<String, Kind> = [
        "data": .texts, "classes": .number, "label-offset": .number, "model": .text, "stem": .text,
        "norm": .text, "norm-examples": .number, "averaging-rate": .number, "limits": .text, "init": .text,
        "init-except": .text, "batch-size": .number, "accumulate": .number, "epochs": .number,
        "steps": .number, "sampling": .text, "augment": .text, "validation": .number, "optimizer": .text,
        "learning-rate": .number, "schedule": .text, "warmup": .number, "momentum": .number,
        "nesterov": .flag, "weight-decay": .number, "clip-norm": .number, "label-smoothing": .number,
        "ema": .number, "precision": .text, "memory": .text, "recompute": .flag, "on-non-finite": .text,
        "evaluate-every": .number, "checkpoint-every": .number, "seed": .number, "threads": .number,
        "engine": .text,
    ]

    /// The key under which a run's file records what it ran on; not an option.
    static let recordKey = "recorded"

    /// The arguments with those of `--config`, and of the run's own file when resuming, put before them.
    static func expand(_ arguments: [String]) throws -> [String] {
        guard arguments.first == "train" else { return arguments }
        let given = Array(arguments.dropFirst())
        let file = try value(of: "--config", in: given).map {
            try read(URL(fileURLWithPath: $0), unless: given)
        }
        var base: [String] = []
        if given.contains("--resume"), let run = value(of: "--run", in: given) {
            let own = RunFolder(URL(fileURLWithPath: run)).configuration
            if FileManager.default.fileExists(atPath: own.path) {
                base += try read(own, unless: given)
            } else if file == nil, value(of: "--data", in: given) == nil {
                throw UsageError(
                    "--resume: found no config.yml in '\(run.visible)', which would say what is trained; expected the "
                        + "folder of a run. Check --run, or give the options that the run began with, --data among "
                        + "them.")
            }
        }
        guard let file else { return ["train"] + base + given }
        // A list replaces the other, too.
        for (key, kind) in kinds where kind == .texts && file.contains(where: { $0.hasPrefix("--\(key)=") }) {
            base.removeAll { $0.hasPrefix("--\(key)=") }
        }
        return ["train"] + base + file + given
    }

    /// The names of the options on a command line, with their dashes.
    static func names(in arguments: some Sequence<String>) -> Set<String> {
        Set(arguments.filter { $0.hasPrefix("--") }.map { String($0.prefix { $0 != "=" }) })
    }

    /// The data that a run's own file names, if there is one that does.
    static func data(of folder: RunFolder) throws -> [String]? {
        let file = folder.configuration
        guard FileManager.default.fileExists(atPath: file.path) else { return nil }
        let given = try OptionsFile(file, ignoring: recordKey).entries.first { $0.name == "data" }
        return given.map { texts($0.value) }
    }

    private static func value(of option: String, in arguments: [String]) -> String? {
        var result: String?
        for (index, argument) in arguments.enumerated() {
            if argument == option, index + 1 < arguments.count { result = arguments[index + 1] }
            if argument.hasPrefix(option + "=") { result = String(argument.dropFirst(option.count + 1)) }
        }
        return result
    }

    private static func texts(_ value: OptionsFile.Value) -> [String] {
        switch value {
        case .scalar(let scalar): scalar.isNull ? [] : [scalar.text]
        case .list(let scalars): scalars.map(\.text)
        }
    }

    /// The file's options as arguments. Its length is left out where the command line gives one.
    private static func read(_ file: URL, unless given: [String]) throws -> [String] {
        let givesLength = given.contains { $0.hasPrefix("--epochs") || $0.hasPrefix("--steps") }
        return try OptionsFile(file, ignoring: recordKey).entries.flatMap { key, value -> [String] in
            guard let kind = kinds.first(where: { $0.key == key })?.value else {
                throw UsageError(
                    "'\(file.path)': found the option '\(key)'; expected one of "
                        + "\(kinds.map(\.key).joined(separator: ", ")). Correct it.")
            }
            if givesLength && (key == "epochs" || key == "steps") { return [] }
            if kind == .texts {
                // Given on the command line they replace the whole list.
                return Self.value(of: "--\(key)", in: given) == nil
                    ? texts(value).map { "--\(key)=\($0)" } : []
            }
            guard case .scalar(let scalar) = value else {
                throw UsageError("'\(file.path)': '\(key)' has a list; expected one value. Correct it.")
            }
            if scalar.isNull { return [] }
            switch kind {
            case .text, .texts: return ["--\(key)=\(scalar.text)"]
            case .number: return ["--\(key)=\(scalar.number)"]
            case .flag:
                guard let flag = scalar.flag else {
                    throw UsageError(
                        "'\(file.path)': found '\(key): \(scalar.text)'; expected true or false. Correct it.")
                }
                return [flag ? "--\(key)" : "--no-\(key)"]
            }
        }
    }

    /// A path that means the same from every folder.
    static func absolute(_ path: String) -> String { URL(fileURLWithPath: path).path }
}

extension TrainOptions {
    /// The resolved options as YAML, in the order of `ConfigurationFile.kinds`, with what the run ran on.
    func yaml(recorded: [(String, String)]) -> String {
        let values: [String: String?] = [
            "classes": labels.classes?.description,
            "label-offset": labels.labelOffset == 0 ? nil : "\(labels.labelOffset)",
            "model": model, "stem": stem.rawValue, "norm": norm,
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
        for (key, kind) in ConfigurationFile.kinds {
            if kind == .texts {
                lines.append("\(key):")
                lines += dataSources.map { "  - \(OptionsFile.scalar($0))" }
            } else if let value = values[key] ?? nil {
                lines.append("\(key): \(kind == .text ? OptionsFile.scalar(value) : value)")
            }
        }
        lines.append("# What it ran on.")
        lines.append("\(ConfigurationFile.recordKey):")
        lines += recorded.map { "  \($0.0): \(OptionsFile.scalar($0.1))" }
        return lines.joined(separator: "\n") + "\n"
    }
}
