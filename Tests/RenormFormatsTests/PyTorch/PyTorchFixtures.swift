import Foundation
import RenormArrays
import RenormFormats
import Testing

/// `Tests/Fixtures/pytorch.safetensors`, made by scripts/fixtures/pytorch_files.py: files, and what torch.load reads from them.
enum PyTorchFixtures {
    private static let content = try! NamedArrays(
        safetensors: fixtures.deletingLastPathComponent().appendingPathComponent("pytorch.safetensors")
    ).arrays

    /// The names of all files.
    static let all = content.keys.filter { !$0.contains("/") }

    /// The names of files that torch.load reads.
    static let whole = all.filter { name in content.keys.contains { $0.hasPrefix("\(name)/") } }

    /// A file's bytes.
    static func bytes(_ name: String) throws -> [UInt8] {
        try #require(content[name], "\(name)").values(of: UInt8.self)
    }

    /// A file, written into a folder.
    static func file(_ name: String, in folder: TemporaryFolder) throws -> URL {
        let url = folder.url.appendingPathComponent(name)
        try Data(bytes(name)).write(to: url)
        return url
    }

    /// What torch.load reads from a file, by name.
    static func values(_ name: String) -> [String: NDArray] {
        var result: [String: NDArray] = [:]
        for (key, array) in content where key.hasPrefix("\(name)/") {
            result[String(key.dropFirst(name.count + 1))] = array
        }
        return result
    }
}
