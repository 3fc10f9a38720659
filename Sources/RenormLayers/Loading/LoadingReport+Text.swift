extension LoadingReport: CustomStringConvertible {
    /// What was found in a few words, the likeliest cause and what to do; then a line for each variable, as far as few say more than
    /// many.
    public var description: String {
        guard !fits else {
            return ([summary] + remarks).joined(separator: "\n")
        }
        return ([([summary] + causes.prefix(2)).joined(separator: " ")] + lines).joined(separator: "\n")
    }

    /// How much fits, in one sentence.
    public var summary: String {
        if fits { return "\(file): \(counted(fitting.count, "variable")) taken over." }
        let sorts: [(Int, String)] = [
            (missing.count, "missing"), (unexpected.count, "unexpected"), (shapes.count, "of another shape"),
            (types.count, "of another type"), (kinds.count, "of another kind"),
            (notFinite.count, "not finite"), (outOfBounds.count, "out of bounds"),
        ]
        let counts = sorts.filter { $0.0 > 0 }.map { "\($0.0) \($0.1)" }
        return "\(file) does not fit the model: of its variables \(counts.joined(separator: ", "))."
    }

    /// What should be known of a file that fits, each a sentence.
    public var remarks: [String] {
        func remark(_ layers: [String], _ text: String) -> String? {
            layers.isEmpty ? nil : "\(named(layers)): \(text)."
        }
        return [
            remark(converted, "the averages are of another kind of normalization, and were converted"),
            remark(uncounted, "the file does not say how many batches made the averages; 1 is taken"),
            remark(zeroVariances, "the variance of some channels is 0, so that only ε divides them"),
            remark(
                neverUpdated,
                "the averages are those of a network that was never trained (mean 0, variance 1), so that inference "
                    + "normalizes with nothing; measure them on data, or train"),
        ].compactMap(\.self)
    }

    /// A line for each variable that does not fit; of each sort of problem the first few.
    public var lines: [String] {
        func some(_ lines: [String]) -> [String] {
            lines.count <= Self.shown + 1
                ? lines : lines.prefix(Self.shown) + ["  and \(lines.count - Self.shown) more of this sort"]
        }
        return some(shapes.map { "  '\($0.path)' has the shape \($0.found); expected \($0.expected)" })
            + some(types.map { "  '\($0.path)' holds values of type \($0.found); expected \($0.expected)" })
            + some(
                kinds.map { "  '\($0.path)' is a \($0.found.rawValue); expected a \($0.expected.rawValue)" })
            + some(notFinite.map { "  '\($0)' holds NaN or infinity" })
            + some(
                outOfBounds.map {
                    "  '\($0.path)' holds \($0.found) at index \($0.index); expected \($0.expected)"
                })
            + some(missing.map { "  '\($0)' is missing" })
            + some(unexpected.map { "  '\($0)' is not of the model" })
    }

    /// The lines of a sort of problem before the rest is counted.
    private static let shown = 5

    private func counted(_ count: Int, _ word: String) -> String {
        "\(count) \(word)\(count == 1 ? "" : "s")"
    }

    private func named(_ layers: [String]) -> String {
        let some = layers.prefix(3).map { "'\($0)'" }.joined(separator: ", ")
        return layers.count > 3 ? "\(some) and \(layers.count - 3) more" : some
    }
}
