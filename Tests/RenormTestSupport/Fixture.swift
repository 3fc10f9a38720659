import Foundation
import RenormArrays
import RenormFormats

/// A file of `Tests/Fixtures`: what PyTorch or NumPy computed, as `README.md` there describes it.
///
///     let fixture = try Fixture("ten-steps/batch")
///     fixture["losses"].doubles
public struct Fixture {
    /// The file, for messages.
    public let path: String
    private let file: NamedArrays

    /// Reads `Tests/Fixtures/<path>.safetensors`.
    public init(_ path: String) throws {
        self.path = path
        file = try NamedArrays(safetensors: Fixture.url("\(path).safetensors"))
    }

    /// Where a file of `Tests/Fixtures` is.
    public static func url(_ path: String) -> URL {
        URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
            .appending(path: "Fixtures/\(path)")
    }

    /// The names of the arrays.
    public var names: [String] { Array(file.arrays.keys) }

    /// The array of a name, which must be there.
    public subscript(name: String) -> NDArray {
        guard let array = file.arrays[name] else { preconditionFailure("\(path) has no '\(name)'") }
        return array
    }

    /// The arrays whose names begin with a prefix, by the rest of their names, in the file's order.
    public func arrays(under prefix: String) -> [(name: String, value: NDArray)] {
        file.arrays.filter { $0.key.hasPrefix(prefix) }
            .map { (String($0.key.dropFirst(prefix.count)), $0.value) }
    }

    /// What the file says of itself.
    public func description<Description: Decodable>(as type: Description.Type) throws -> Description {
        try JSONCoder.decode(type, from: Data((file.metadata["fixture"] ?? "").utf8))
    }
}
