import RenormArrays

/// One layer of a described network: what it is by name, with its options, its own name and its inputs.
///
/// In YAML it is its kind alone, or a map of the kind and what else there is to say:
///
///     - relu
///     - convolution: {channels: 32, kernel: 3, stride: 2}
///       name: conv1
///     - add:
///       inputs: [conv1, pool1]
public struct DescribedLayer: Sendable, Hashable {
    /// The name in `DescribedLayers.table`.
    public var kind: String
    /// Its options: a map, or the value of the option that a value alone stands for.
    public var options: DescribedValue
    /// The component of its variables' paths, by which other layers name its result too; `nil` for its place.
    public var name: String?
    /// The layers of the same list whose results it reads; `nil` for the one before it. `input` is what the list is given.
    public var inputs: [String]?
    /// How often it stands there, one after another; with a name `block` they are `block.0`, `block.1`, ….
    public var count: Int

    /// Describes a layer.
    public init(
        _ kind: String, _ options: DescribedValue = .none, name: String? = nil, inputs: [String]? = nil,
        count: Int = 1
    ) {
        self.kind = kind
        self.options = options
        self.name = name
        self.inputs = inputs
        self.count = count
    }

    /// What the words mean that are no kinds of layers.
    static let ownKeys: Set<String> = ["name", "inputs", "repeat"]

    /// Reads a layer from what a file has in its place.
    ///
    /// - Throws: `DescriptionError`.
    init(_ value: DescribedValue, at place: String) throws {
        switch value {
        case .text(let kind): self.init(kind)
        case .map(let values):
            let kinds = values.keys.filter { !Self.ownKeys.contains($0) }.sorted()
            guard let kind = kinds.first, kinds.count == 1 else {
                throw DescriptionError(
                    place: place, found: value.summary,
                    expected:
                        "one layer, such as 'convolution: 32', with 'name', 'inputs' and 'repeat' besides")
            }
            self.init(kind, values[kind]!)
            name = try values["name"].map { try Self.name($0, at: "\(place).name") }
            inputs = try values["inputs"].map { value in
                let values = if case .list(let values) = value { values } else { [value] }
                return try values.enumerated().map { try Self.name($1, at: "\(place).inputs[\($0)]") }
            }
            if let value = values["repeat"] {
                guard case .number(let number) = value, let count = Int(exactly: number) else {
                    throw DescriptionError(
                        place: "\(place).repeat", found: value.summary, expected: "a whole number")
                }
                self.count = count
            }
        default:
            throw DescriptionError(
                place: place, found: value.summary,
                expected: "a layer, such as 'relu' or 'convolution: 32'")
        }
    }

    /// A name; a number is one too, as places are.
    private static func name(_ value: DescribedValue, at place: String) throws -> String {
        switch value {
        case .text(let text): return text
        case .number(let number) where number >= 0 && Int(exactly: number) != nil: return number.short
        default:
            throw DescriptionError(place: place, found: value.summary, expected: "a name")
        }
    }

    /// The layer as a file has it.
    var value: DescribedValue {
        var values = [kind: options]
        if let name { values["name"] = .text(name) }
        if let inputs { values["inputs"] = .list(inputs.map(DescribedValue.text)) }
        if count != 1 { values["repeat"] = .number(Double(count)) }
        return values == [kind: .none] ? .text(kind) : .map(values)
    }
}
