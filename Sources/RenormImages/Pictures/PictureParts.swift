extension Dataset.Part: CustomStringConvertible {
    /// What a folder of the part, or its value in a table, may be called, in small letters.
    var names: [String] {
        switch self {
        case .training: ["train", "training"]
        case .validation: ["val", "valid", "validation"]
        case .test: ["test", "testing"]
        }
    }

    /// The part of a name, in whatever letters it is written.
    init?(named name: String) {
        let name = name.lowercased()
        guard let part = Dataset.Part.allCases.first(where: { $0.names.contains(name) }) else { return nil }
        self = part
    }

    /// Training first, then validation, then test.
    var order: Int { Dataset.Part.allCases.firstIndex(of: self)! }

    /// The name: `training`, `validation` or `test`.
    public var description: String { rawValue }
}
