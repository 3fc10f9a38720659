import OrderedCollections
import RenormArrays

/// What a file of arrays holds, whatever its format: arrays by name, and a text for each key of its metadata.
///
///     var content = NamedArrays()
///     content.arrays["fc.weight"] = NDArray(zeros: [10, 128])
///     try content.write(safetensors: url)
public struct NamedArrays: Sendable, Equatable {
    /// The arrays, in the order of the file.
    public var arrays: OrderedDictionary<String, NDArray>
    /// What the file says of itself.
    public var metadata: [String: String]
    /// What was understood while it was read, in full sentences: where in a checkpoint the weights were, what was left out.
    /// It is no part of the content: two are equal without.
    public internal(set) var remarks: [String] = []

    /// Makes the content of a file.
    public init(_ arrays: OrderedDictionary<String, NDArray> = [:], metadata: [String: String] = [:]) {
        self.arrays = arrays
        self.metadata = metadata
    }

    /// Whether arrays, in their order, and metadata are the same.
    public static func == (left: NamedArrays, right: NamedArrays) -> Bool {
        left.arrays == right.arrays && left.metadata == right.metadata
    }
}
