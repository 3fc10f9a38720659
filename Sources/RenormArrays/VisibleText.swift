extension String {
    /// This text on one line, with what a terminal obeys or cannot show written as it would stand in a Swift literal,
    /// such as `\n` or `\u{1B}`.
    package var visible: String { showing { _ in false } }

    /// The same for a text of several lines: ends of lines and tabs stay.
    package var visibleLines: String { showing { $0 == "\n" || $0 == "\t" } }

    private func showing(_ stays: (Unicode.Scalar) -> Bool) -> String {
        guard unicodeScalars.contains(where: { $0.isUnprintable && !stays($0) }) else { return self }
        var result = String.UnicodeScalarView()
        for scalar in unicodeScalars {
            if scalar.isUnprintable && !stays(scalar) {
                result.append(contentsOf: literal(scalar).unicodeScalars)
            } else {
                result.append(scalar)
            }
        }
        return String(result)
    }
}

extension Unicode.Scalar {
    /// Whether a terminal may obey it in place of showing it, or a text format forbids it: control characters, those
    /// that turn the direction of writing, separators of lines, and what is no character.
    package var isUnprintable: Bool {
        switch value {
        case 0..<0x20, 0x7F..<0xA0, 0x061C, 0x200E...0x200F, 0x2028...0x202E, 0x2066...0x2069,
            0xFFFE...0xFFFF:
            true
        default: false
        }
    }
}

private func literal(_ scalar: Unicode.Scalar) -> String {
    switch scalar {
    case "\n": "\\n"
    case "\r": "\\r"
    case "\t": "\\t"
    case "\0": "\\0"
    default: "\\u{\(String(scalar.value, radix: 16, uppercase: true))}"
    }
}
