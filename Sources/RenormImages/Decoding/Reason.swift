import RenormCodecs

extension renorm_reason {
    /// The text.
    var description: String {
        withUnsafeBytes(of: text) { String(decoding: $0.prefix { $0 != 0 }, as: UTF8.self) }
    }
}
