/// A value that is chosen by text: on a command line, in a file of options, in a record of results.
///
/// The type's own file says what it can be, so parser, help and errors agree. An enumeration whose raw values are its names
/// needs to say nothing.
public protocol TextForm: Sendable {
    /// Reads the text form.
    ///
    /// - Throws: A `Fault`, or an error of the type's own that says what was found, what was expected and what to do.
    init(parsing text: String) throws

    /// The text form, which `init(parsing:)` reads.
    var description: String { get }

    /// What `init(parsing:)` reads, for help and errors: `fast or small`.
    static var expected: String { get }
}

extension Fault: Error {}

extension TextForm where Self: RawRepresentable & CaseIterable, RawValue == String {
    /// Reads a name.
    ///
    /// - Throws: `Fault` for any other text.
    public init(parsing text: String) throws {
        guard let value = Self(rawValue: text) else { throw Fault("'\(text)'", Self.expected) }
        self = value
    }

    /// The name.
    public var description: String { rawValue }

    /// All names.
    public static var expected: String {
        let names = allCases.map(\.rawValue)
        return names.dropLast().joined(separator: ", ") + (names.count > 1 ? " or " : "") + (names.last ?? "")
    }
}
