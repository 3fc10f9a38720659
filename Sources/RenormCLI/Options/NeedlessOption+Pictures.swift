import Renorm

extension NeedlessOption {
    /// Options about pictures in files, where no such data are named, or none of the kind that an option is about.
    ///
    /// - Parameter goesOn: Whether a run goes on, which says nothing of options that may then change.
    static func aboutPictures(
        _ values: [(option: OptionDefinition, texts: [String])], sources: [DataSource], goesOn: Bool = false
    ) -> [NeedlessOption] {
        let kinds = Set(sources.map { $0.description.prefix { $0 != ":" } })
        let needs: [(names: [String], kinds: [String])] = [
            (["columns"], ["csv"]), (["source-level"], ["images"]),
            (
                [
                    "size", "resize", "interpolation", "channels", "background", "skip-broken",
                    "check-images",
                    "max-pixels", "cache", "cache-budget",
                ], ["images", "csv"]
            ),
        ]
        return needs.flatMap { names, wanted -> [NeedlessOption] in
            guard kinds.isDisjoint(with: wanted.map { Substring($0) }) else { return [] }
            return values.filter {
                names.contains($0.option.name) && isGiven($0.option.name) && !(goesOn && $0.option.mayChange)
            }.map { option, texts in
                NeedlessOption(
                    "--\(option.name)",
                    "\(texts.first ?? "it") with --data \(sources.map { "\($0)" }.joined(separator: ", "))",
                    expected: "--data \(wanted.map { "\($0):PATH" }.joined(separator: " or ")) with it",
                    "Leave it out, or name such data")
            }
        }
    }
}
