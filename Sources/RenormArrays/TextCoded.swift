/// A value that is written into files as its text form.
public protocol TextCoded: Codable, CustomStringConvertible {
    /// Reads the text form, which `description` gives.
    ///
    /// - Throws: what says what was found and what was expected.
    init(parsing text: String) throws

    /// What such a value is called in messages: `sampling`.
    static var kind: String { get }

    /// The text forms, for messages and help.
    static var names: String { get }
}

extension TextCoded {
    /// Reads the text form.
    ///
    /// - Throws: `DecodingError` for any other text.
    public init(from decoder: any Decoder) throws {
        let text = try decoder.singleValueContainer().decode(String.self)
        do {
            try self.init(parsing: text)
        } catch {
            throw DecodingError.dataCorrupted(
                DecodingError.Context(
                    codingPath: decoder.codingPath,
                    debugDescription: "found the \(Self.kind) '\(text.prefix(200))'; expected \(Self.names)"))
        }
    }

    /// Writes the text form.
    public func encode(to encoder: any Encoder) throws {
        var container = encoder.singleValueContainer()
        try container.encode(description)
    }
}
