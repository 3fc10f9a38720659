/// Command-line arguments in which an option and a negative number after it are one argument: `--steps -1` as `--steps=-1`.
///
/// The parser takes what begins with a dash for another option, and would say that the value is missing.
func joiningNegativeNumbers(_ arguments: [String]) -> [String] {
    var result: [String] = []
    for argument in arguments {
        if let option = result.last, option.hasPrefix("--"), option.count > 2, !option.contains("="),
            !result.contains("--"), isNegativeNumber(argument)
        {
            result[result.count - 1] = "\(option)=\(argument)"
        } else {
            result.append(argument)
        }
    }
    return result
}

/// Whether it begins as a negative number does: no option does.
private func isNegativeNumber(_ text: String) -> Bool {
    guard text.hasPrefix("-"), let next = text.dropFirst().first else { return false }
    return next.isASCII && next.isNumber || next == "." || Double(text) != nil
}
