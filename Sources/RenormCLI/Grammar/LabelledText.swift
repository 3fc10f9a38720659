/// Text with a name of one's own before it if wanted: `fours: shuffled examples=4`.
struct LabelledText {
    /// The name, or the text itself.
    let name: String
    /// What comes after the name.
    let text: String
    /// The words of the text.
    let words: [String]
    private let whole: String

    init(_ whole: String) {
        self.whole = whole
        let parts = whole.split(separator: ": ", maxSplits: 1).map(String.init)
        text = parts.last ?? ""
        name = parts.count > 1 ? parts[0] : text
        words = text.split(separator: " ").map(String.init)
    }

    /// That it is wrong as what it should be.
    func error(_ what: String, found: String, expected: String) -> UsageError {
        UsageError("The \(what) '\(whole)': found \(found); expected \(expected). Change it.")
    }
}
