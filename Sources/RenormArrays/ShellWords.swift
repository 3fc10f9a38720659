extension String {
    /// This text as one word of a shell's command line, for a command that a message suggests.
    ///
    /// Whatever a shell could read otherwise stands in single quotes. Control characters would be lost or obeyed on the
    /// way through a terminal; a word with such ones is written as `$'…'` with octal bytes, which bash, zsh, ksh and
    /// POSIX since 2024 know.
    package var shellQuoted: String {
        if unicodeScalars.contains(where: \.isUnprintable) {
            let parts = unicodeScalars.map { scalar in
                if scalar == "'" || scalar == "\\" { return "\\\(scalar)" }
                return scalar.isUnprintable ? scalar.utf8.map(octal).joined() : String(scalar)
            }
            return "$'\(parts.joined())'"
        }
        // By bytes: two characters that are drawn as one are still two for a shell.
        let isPlain = !isEmpty && utf8.allSatisfy { plainBytes.contains($0) }
        if isPlain { return self }
        return "'"
            + String(decoding: utf8.flatMap { $0 == quote ? Array("'\\''".utf8) : [$0] }, as: UTF8.self)
            + "'"
    }

    /// This path as one word of a shell's command line that no command takes for an option.
    package var shellPath: String { (utf8.first == UInt8(ascii: "-") ? "./" + self : self).shellQuoted }
}

private let quote = UInt8(ascii: "'")
private let plainBytes = Set(
    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_-./:,+@%".utf8)

private func octal(_ byte: UInt8) -> String {
    let digits = String(byte, radix: 8)
    return "\\" + String(repeating: "0", count: 3 - digits.count) + digits
}
