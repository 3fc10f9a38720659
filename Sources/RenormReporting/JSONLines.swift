import RenormFormats

/// Events as JSON, one object a line: `event` comes first and says what it is, then come the members of the payload in order of
/// their names.
///
///     try JSONLines.line("step", report)  // {"event":"step","loss":0.25,"step":3}
///
/// Numbers are written in the shortest form that reads back as the same number; those that JSON does not have are the strings
/// "nan", "inf" and "-inf".
public enum JSONLines {
    /// One line, without its end.
    ///
    /// - Throws: `EncodingError` if the payload is no object.
    public static func line(_ event: String, _ payload: some Encodable) throws -> String {
        let members = try JSONCoder.encode(payload)
        guard members.hasPrefix("{") else {
            throw EncodingError.invalidValue(
                payload,
                .init(codingPath: [], debugDescription: "\(type(of: payload)) encodes no JSON object"))
        }
        return "{\"event\":\(try JSONCoder.encode(event))\(members == "{}" ? "" : ",")\(members.dropFirst())"
    }
}
