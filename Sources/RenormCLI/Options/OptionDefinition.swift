import Renorm

/// What the tool knows of an option: the command line, files of options, `config.yml`, checks and help are made from it.
package struct OptionDefinition: Sendable {
    /// How a value stands in a file.
    package enum Form: Sendable { case number, flag, text }

    /// What happens to an option when a run goes on, or results are added to an experiment.
    package enum Resumption: Sendable {
        /// It decides these parts of the configuration, which knows whether they may change.
        case configures([String])
        /// It says what a run begins with, and has to be left out.
        case begins
        /// No number depends on it, so it may change.
        case free
    }

    /// The long name, without dashes.
    package var name = ""
    /// What it means, in a line.
    package let help: String
    package let form: Form
    /// Whether it may be given several times.
    package let isList: Bool
    /// Whether it may stand in a file of options; those of `train` are recorded in `config.yml`.
    package let isInFiles: Bool
    package let resumption: Resumption
    /// The option in place of which it may be given.
    package let rival: String?
    /// The text forms of a property's value.
    let texts: @Sendable (Any) -> [String]
    /// What is wrong with a property's value.
    let fault: @Sendable (Any) -> Fault?

    /// Whether another value may be given when a run goes on.
    package var mayChange: Bool {
        switch resumption {
        case .configures(let keys): keys.allSatisfy(TrainingConfiguration.changeable.contains)
        case .begins: false
        case .free: true
        }
    }

    /// Whether it decides a part of a configuration, or something in it.
    package func decides(_ part: String) -> Bool {
        guard case .configures(let keys) = resumption else { return false }
        return keys.contains { part == $0 || part.hasPrefix($0 + ".") }
    }
}

/// An option as it is declared: `@Option(Row("Threads of the engine.", .atLeast(1))) var threads: Int?`. Its name is the
/// property's.
struct Row<Value: TextForm>: Sendable {
    let help: String
    let discussion: String
    let valueName: String?
    private let bounds: Bounds<Value>
    private let isInFiles: Bool
    private let resumption: OptionDefinition.Resumption
    private let rival: String?
    private let fineTuning: Value?

    /// - Parameters:
    ///   - rival: The option in place of which it may be given.
    ///   - fineTuning: Its default where `renorm finetune` is called, if that is another.
    init(
        _ help: String, _ bounds: Bounds<Value> = .none,
        resuming resumption: OptionDefinition.Resumption = .begins,
        isInFiles: Bool = true, insteadOf rival: String? = nil, valueName: String? = nil,
        fineTuning: Value? = nil, discussion: String = ""
    ) {
        self.help = help
        self.fineTuning = fineTuning
        self.discussion = discussion
        self.valueName = valueName
        self.bounds = bounds
        self.isInFiles = isInFiles
        self.resumption = resumption
        self.rival = rival
    }

    /// The default, where that of `renorm train` is this one.
    func standard(_ ofTraining: Value) -> Value {
        CommandArguments.isFineTuning ? fineTuning ?? ofTraining : ofTraining
    }

    func definition(isList: Bool = false) -> OptionDefinition {
        let form: OptionDefinition.Form =
            Value.self == Bool.self
            ? .flag : Value.self is any Numeric.Type || Value.self is any NumberOrWord.Type ? .number : .text
        let (bounds, isFlag) = (bounds, form == .flag)
        @Sendable func values(_ value: Any) -> [Value] {
            value as? [Value] ?? (value as? Value).map { [$0] } ?? []
        }
        return OptionDefinition(
            help: help, form: form, isList: isList, isInFiles: isInFiles, resumption: resumption,
            rival: rival, texts: { values($0).map(\.description) },
            fault: { isFlag ? nil : values($0).lazy.compactMap(bounds.fault).first })
    }
}

/// A value that is a number or, in its place, a word.
protocol NumberOrWord: TextForm {}

/// What a value may be: where the library knows it, the library is asked.
struct Bounds<Value>: Sendable {
    let fault: @Sendable (Value) -> Fault?

    static var none: Bounds { Bounds { _ in nil } }

    /// What the library says of something that has this value.
    static func of(_ fault: @escaping @Sendable (Value) -> Fault?) -> Bounds { Bounds(fault: fault) }

    /// Those of a part of a training configuration.
    static func of(_ part: WritableKeyPath<TrainingConfiguration, Value> & Sendable) -> Bounds {
        Bounds { value in .configuration { $0[keyPath: part] = value } }
    }

    static func of(_ part: WritableKeyPath<TrainingConfiguration, Value?> & Sendable) -> Bounds {
        Bounds { value in .configuration { $0[keyPath: part] = value } }
    }
}

extension Bounds where Value: Comparable & CustomStringConvertible & Sendable {
    static func atLeast(_ least: Value) -> Bounds {
        Bounds { Fault("\($0)", "at least \(least)", unless: $0 >= least) }
    }

    static func above(_ bound: Value) -> Bounds {
        Bounds { Fault("\($0)", "more than \(bound)", unless: $0 > bound) }
    }

    static func within(_ range: ClosedRange<Value>) -> Bounds {
        Bounds { Fault("\($0)", "\(range.lowerBound) to \(range.upperBound)", unless: range.contains($0)) }
    }
}

extension Fault {
    /// What is wrong with a configuration that would be right without a change.
    fileprivate static func configuration(_ change: (inout TrainingConfiguration) -> Void) -> Fault? {
        var configuration = TrainingConfiguration(
            options: TrainingOptions(learningRate: .constant(1)), steps: 1)
        change(&configuration)
        return configuration.fault
    }
}
