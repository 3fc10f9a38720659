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
    static let all = content.keys.filter { !$0.utf8.contains(UInt8(ascii: "/")) }

    /// The names of files that torch.load reads.
    static let whole = all.filter { name in content.keys.contains { inside($0, of: name) != nil } }

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
        for (key, array) in content {
            if let inside = inside(key, of: name) { result[inside] = array }
        }
        return result
    }

    /// What stands after a file's name and a slash; by bytes, because a mark after the slash makes one character with it.
    private static func inside(_ key: String, of name: String) -> String? {
        key.utf8.starts(with: "\(name)/".utf8)
            ? String(decoding: key.utf8.dropFirst(name.utf8.count + 1), as: UTF8.self) : nil
    }
}
