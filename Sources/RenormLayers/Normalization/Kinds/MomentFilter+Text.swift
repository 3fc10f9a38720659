import RenormGraphs

extension MomentFilter {
    /// The constants that a text can change, by name: a number each, but for `spread`, which is `log`, `mean`, `total` or
    /// `total-mean`. `gain` is a gain that never changes.
    static let options = ["gain", "spread"] + constants.map(\.name)

    private static let constants: [(name: String, path: WritableKeyPath<MomentFilter, Double> & Sendable)] = [
        ("floor", \.floor), ("ceiling", \.ceiling), ("inherited", \.inherited), ("adaptation", \.adaptation),
        ("margin", \.margin), ("memory", \.memory), ("significance", \.significance), ("r-max", \.rMax),
        ("d-max", \.dMax), ("widening", \.widening),
    ]

    private static let spreads: [(name: String, arithmetic: Bool, total: Bool)] = [
        ("log", false, false), ("mean", true, false), ("total", false, true), ("total-mean", true, true),
    ]

    /// Takes the constants that a text names out of it.
    ///
    /// - Throws: `NormalizationTextError` for what is no such constant.
    mutating func change(by text: inout NormalizationText) throws {
        let range = 0...Double.infinity
        if let gain = try text.takeNumber("gain", in: range, "a number, above 0 and at most 1") {
            (floor, ceiling, significance) = (gain, gain, .infinity)
        }
        for (name, path) in MomentFilter.constants {
            if let value = try text.takeNumber(name, in: range, "a number of at least 0") {
                self[keyPath: path] = value
            }
        }
        if let name = text.take("spread") {
            guard let spread = MomentFilter.spreads.first(where: { $0.name == name }) else {
                throw text.failure(
                    found: "'spread=\(name)'",
                    expected: "spread=" + MomentFilter.spreads.map(\.name).joined(separator: ", "))
            }
            (isArithmetic, isTotal) = (spread.arithmetic, spread.total)
        }
    }

    /// The options that make this filter of the default one.
    var optionTexts: [String] {
        let usual = MomentFilter()
        let changed = MomentFilter.constants.filter { self[keyPath: $0.path] != usual[keyPath: $0.path] }
            .map { "\($0.name)=\(self[keyPath: $0.path])" }
        let spread = MomentFilter.spreads.first { $0.arithmetic == isArithmetic && $0.total == isTotal }
        return changed + (spread.map { $0.name == "log" ? [] : ["spread=\($0.name)"] } ?? [])
    }
}
