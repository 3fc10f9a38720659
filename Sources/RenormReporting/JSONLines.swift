import RenormFormats

/// Events as JSON, one object a line: `event` comes first and says what it is, then come the members of the payload in the
/// order in which they are declared.
///
///     try JSONLines.line("step", report)  // {"event":"step","step":3,"loss":0.25}
///
/// Numbers are written in the shortest form that reads back as the same number. JSON has no NaN and no infinity; they are
/// the strings "NaN", "Infinity" and "-Infinity".
public enum JSONLines {
    /// One line, without its end.
    ///
    /// - Throws: `EncodingError` if the payload is no object.
    public static func line(_ event: String, _ payload: some Encodable) throws -> String {
        try JSONValue(encoding: payload, after: ["event": .string(event)]).text
    }
}
