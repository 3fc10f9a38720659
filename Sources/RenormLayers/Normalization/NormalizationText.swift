import RenormArrays

/// A normalization as text: the name of a kind, with an argument after a colon where it has one, then options in any order.
///
///     batch
///     batch-renorm limits=ramp rate=0.05 examples=8
///     group:8 epsilon=1e-6 weights=standardized
///
/// Every normalization has `epsilon`, `scale` and `shift` (`on` or `off`) and `weights`; the others are the kind's.
///
/// A kind takes what it knows out of the text; what is left over at the end is an error. What depends on the run, such as
/// limits that open at a part of it, is computed from `run`.
public struct NormalizationText {
    /// What a run that the text is meant for is like, as far as it is known.
    public struct Run: Sendable, Hashable {
        /// The number of its steps.
        public var steps: Int?
        /// The number of examples in a batch.
        public var batchSize: Int?
        /// The number of examples normalized together unless the text says otherwise; `nil` for the whole batch.
        public var examples: Int?

        /// What it began with, where it goes on: constants that the text does not name stay as they were, since defaults
        /// may differ between versions.
        public var begunWith: Normalization?

        /// Makes a run of what is known of it.
        public init(
            steps: Int? = nil, batchSize: Int? = nil, examples: Int? = nil, begunWith: Normalization? = nil
        ) {
            self.steps = steps
            self.batchSize = batchSize
            self.examples = examples
            self.begunWith = begunWith
        }
    }

    /// The whole text, for messages.
    public let text: String
    /// The name of the kind with its argument, such as `group:8`.
    public let word: String
    /// The argument: what follows the colon.
    public let argument: String?
    /// The run that it is meant for.
    public let run: Run
    /// The options that nobody has taken yet.
    private var options: [(name: String, value: String)] = []

    /// Cuts a text into its parts.
    ///
    /// - Throws: `NormalizationTextError` for an empty text, and for words that are no options or are there twice.
    public init(_ text: String, run: Run = Run()) throws {
        self.text = text
        self.run = run
        let words = text.split(separator: " ").map(String.init)
        guard let first = words.first else {
            throw NormalizationTextError(
                text: text, found: "no normalization",
                expected: "one of " + NormalizationKinds.table.forms.joined(separator: ", "))
        }
        word = first
        argument = first.firstIndex(of: ":").map { String(first[first.index(after: $0)...]) }
        for word in words.dropFirst() {
            let pair = word.split(separator: "=", maxSplits: 1).map(String.init)
            guard pair.count == 2 else {
                throw failure(found: "'\(word)'", expected: "options such as rate=0.05")
            }
            guard !options.contains(where: { $0.name == pair[0] }) else {
                throw failure(found: "\(pair[0]) twice", expected: "it once")
            }
            options.append((pair[0], pair[1]))
        }
    }

    /// An error about this text.
    public func failure(found: String, expected: String) -> NormalizationTextError {
        NormalizationTextError(text: text, found: found, expected: expected)
    }

    /// Takes an option; `nil` if it is not there.
    public mutating func take(_ name: String) -> String? {
        options.firstIndex { $0.name == name }.map { options.remove(at: $0).value }
    }

    /// Takes an option that is a number; `nil` if it is not there.
    ///
    /// - Parameter expected: What it may be, for the error; the ends of the range unless it is given.
    /// - Throws: `NormalizationTextError` for anything else.
    public mutating func takeNumber(
        _ name: String, in range: ClosedRange<Double>, _ expected: String? = nil
    ) throws -> Double? {
        guard let text = take(name) else { return nil }
        guard let value = Double(text), range.contains(value) else {
            throw failure(
                found: "'\(name)=\(text)'",
                expected: "\(name)=" + (expected ?? "\(range.lowerBound.short) to \(range.upperBound.short)"))
        }
        return value
    }

    /// Takes an option that is `on` or `off`; `nil` if it is not there.
    ///
    /// - Throws: `NormalizationTextError` for anything else.
    public mutating func takeSwitch(_ name: String) throws -> Bool? {
        switch take(name) {
        case nil: return nil
        case "on": return true
        case "off": return false
        case let text?: throw failure(found: "'\(name)=\(text)'", expected: "\(name)=on or off")
        }
    }

    /// Takes `examples`, the number of examples normalized together: `half` of those of the run, `all` of a batch, or a
    /// number.
    ///
    /// - Returns: As the run has it where the option is not there; `nil` for the whole batch.
    /// - Throws: `NormalizationTextError` for anything else.
    public mutating func takeExamples() throws -> Int? {
        let together: Int?
        switch take("examples") {
        case nil: together = run.examples
        case "all": together = nil
        case "half":
            guard let number = run.examples ?? run.batchSize else {
                throw failure(found: "examples=half", expected: "a number, where no batch is known")
            }
            together = max(number / 2, 1)
        case let text?:
            guard let count = Int(text), count > 0 else {
                throw failure(found: "'examples=\(text)'", expected: "examples=half, all or a number")
            }
            together = count
        }
        return together == run.batchSize ? nil : together
    }

    /// Throws if there are options that nobody took.
    func finish(known: [String]) throws {
        guard let left = options.first else { return }
        throw failure(
            found: "'\(left.name)=\(left.value)'",
            expected: known.isEmpty ? "no options" : "\(known.joined(separator: ", ")), each with its value")
    }
}

/// Why a text is no normalization.
public struct NormalizationTextError: Error, Hashable, Sendable, CustomStringConvertible {
    /// The text.
    public var text: String
    /// What is in it.
    public var found: String
    /// What was expected.
    public var expected: String

    /// What was found and where, what was expected, and what to do.
    public var description: String {
        "The normalization '\(text)': found \(found); expected \(expected). Change it."
    }
}

extension Double {
    /// Without a fraction where it has none.
    var short: String { self == rounded() && magnitude < 1e9 ? "\(Int(self))" : "\(self)" }
}

extension Normalization {
    /// The options that every kind has.
    static let commonOptions = ["epsilon", "scale", "shift", "weights"]

    /// Reads a normalization from its text form (`NormalizationText`).
    ///
    ///     try Normalization(parsing: "batch-renorm limits=ramp", in: NormalizationText.Run(steps: 1500))
    ///
    /// - Parameter run: The run that it is meant for, on which some options depend.
    /// - Throws: `NormalizationTextError`.
    public init(parsing text: String, in run: NormalizationText.Run = NormalizationText.Run()) throws {
        var text = try NormalizationText(text, run: run)
        guard let (type, _) = NormalizationKinds.table.find(text.word) else {
            let fault = NormalizationKinds.table.fault(of: text.word)
            throw text.failure(found: fault.found, expected: fault.expected)
        }
        let (epsilon, scale, shift) = try (
            text.takeNumber(
                "epsilon", in: 0...Double(Float.greatestFiniteMagnitude), "a finite number of at least 0"),
            text.takeSwitch("scale"), text.takeSwitch("shift")
        )
        let weights = try text.take("weights").map { name in
            guard let transform = WeightTransforms.table[name] else {
                throw text.failure(
                    found: "'weights=\(name)'",
                    expected: "weights=" + WeightTransforms.table.names.joined(separator: " or "))
            }
            return transform
        }
        self.init(
            try type.init(parsing: &text), epsilon: epsilon ?? 1e-5, scale: scale ?? true,
            shift: shift ?? true,
            weights: weights)
        try text.finish(known: type.options + Normalization.commonOptions)
        if let fault { throw text.failure(found: fault.found, expected: fault.expected) }
    }
}

extension Normalization: CustomStringConvertible {
    /// The text that `init(parsing:in:)` reads.
    public var description: String {
        let common = [
            epsilon == 1e-5 ? nil : "epsilon=\(epsilon)", scale ? nil : "scale=off",
            shift ? nil : "shift=off",
            weights.map { "weights=\($0.name)" },
        ]
        return ([kind.word] + kind.optionTexts + common.compactMap(\.self)).joined(separator: " ")
    }
}
