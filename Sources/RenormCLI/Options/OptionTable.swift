import ArgumentParser
import Renorm

/// Options of a command or a group of options that commands share. Each property is declared with its `Row`; from these come
/// the command line, its checks and its help here, and files of options in `ConfigurationFile`.
protocol OptionTable: ParsableArguments {
    /// The exit code of a command for every error, of the command line's words too; `nil`: as the parser has it.
    static var errorCode: Int32? { get }
}

extension OptionTable {
    static var errorCode: Int32? { nil }

    /// Its options, those of its groups where the groups stand.
    static var options: [OptionDefinition] {
        entries(of: Self.declared).flatMap { entry, _ in
            switch entry {
            case .option(let definition): [definition]
            case .group(let group): type(of: group).table.options
            }
        }
    }

    /// Its options with the text forms of their values.
    var values: [(option: OptionDefinition, texts: [String])] {
        Self.entries(of: self).flatMap { entry, value in
            switch entry {
            case .option(let definition): [(definition, definition.texts(value()))]
            case .group(let group): group.values
            }
        }
    }

    /// Throws for the first value that is out of its bounds.
    func checkBounds() throws {
        for (entry, value) in Self.entries(of: self) {
            guard case .option(let definition) = entry, let fault = definition.fault(value()) else {
                continue
            }
            throw ValidationError(
                "--\(definition.name): found \(fault.found); expected \(fault.expected). Change it.")
        }
    }

    func validate() throws { try checkBounds() }

    /// A fresh value, whose properties have no values yet.
    private static var declared: Self { Self() }

    /// The properties of a value, with their definitions: those of the type are collected while a fresh value of it is made.
    private static func entries(of table: Self) -> [(OptionEntry, value: () -> Any)] {
        let collector = OptionCollector()
        _ = OptionCollector.$current.withValue(collector) { Self() }
        var definitions = collector.definitions[...]
        return Mirror(reflecting: table).children.compactMap {
            label, property -> (OptionEntry, value: () -> Any)? in
            if let group = property as? any GroupProperty { return (.group(group), { group }) }
            guard let option = property as? any OptionProperty, let label else { return nil }
            guard var definition = definitions.popFirst() else {
                preconditionFailure("\(label) of \(Self.self) has no row")
            }
            definition.name = hyphenated(String(label.drop { $0 == "_" }))
            return (.option(definition), { option.value })
        }
    }

    /// `weightDecay` as `weight-decay`.
    private static func hyphenated(_ name: String) -> String {
        name.map { $0.isUppercase ? "-\($0.lowercased())" : String($0) }.joined()
    }
}

private enum OptionEntry {
    case option(OptionDefinition)
    case group(any GroupProperty)
}

/// Collects the definitions of a type's options, in the order of its properties.
private final class OptionCollector: @unchecked Sendable {
    @TaskLocal static var current: OptionCollector?
    // Filled by the one task that made it.
    var definitions: [OptionDefinition] = []
}

// MARK: Properties

private protocol OptionProperty {
    var value: Any { get }
}

private protocol GroupProperty {
    static var table: any OptionTable.Type { get }
    var values: [(option: OptionDefinition, texts: [String])] { get }
}

extension Option: OptionProperty {
    fileprivate var value: Any { wrappedValue }
}

extension Flag: OptionProperty {
    fileprivate var value: Any { wrappedValue }
}

extension OptionGroup: GroupProperty where Value: OptionTable {
    fileprivate static var table: any OptionTable.Type { Value.self }
    fileprivate var values: [(option: OptionDefinition, texts: [String])] { wrappedValue.values }
}

extension Row {
    /// Reads a text form. The parser names option and text before what is said here.
    @Sendable fileprivate static func parse(_ text: String) throws -> Value {
        do {
            return try Value(parsing: text)
        } catch let fault as Fault {
            // The parser has named the whole text already.
            let found = fault.found == "'\(text)'" ? "" : "found \(fault.found); "
            throw UsageError("\(found)expected \(fault.expected).")
        }
    }

    /// The help of a property that is declared with the row, which is collected.
    fileprivate func collected(default value: Value? = nil, isList: Bool = false) -> ArgumentHelp {
        OptionCollector.current?.definitions.append(definition(isList: isList))
        let suffix = value.map { " (default: \($0.description))" } ?? ""
        return ArgumentHelp("\(help)\(suffix)", discussion: discussion, valueName: valueName)
    }
}

extension Option where Value: TextForm {
    /// An option with a default.
    init(wrappedValue: Value, _ row: Row<Value>) {
        let standard = row.standard(wrappedValue)
        self.init(
            wrappedValue: standard, help: row.collected(default: standard),
            transform: Row<Value>.parse)
    }

    /// An option that must be given.
    init(_ row: Row<Value>) { self.init(help: row.collected(), transform: Row<Value>.parse) }
}

extension Option {
    /// An option that may be left out.
    init<Element: TextForm>(_ row: Row<Element>) where Value == Element? {
        self.init(help: row.collected(), transform: Row<Element>.parse)
    }

    /// An option that may be given several times.
    init<Element: TextForm>(wrappedValue: [Element], _ row: Row<Element>) where Value == [Element] {
        self.init(
            wrappedValue: wrappedValue, help: row.collected(isList: true), transform: Row<Element>.parse)
    }
}

extension Flag where Value == Bool {
    /// A flag, which `--no-` before its name takes back.
    init(wrappedValue: Bool, _ row: Row<Bool>) {
        self.init(wrappedValue: wrappedValue, inversion: .prefixedNo, help: row.collected())
    }
}
