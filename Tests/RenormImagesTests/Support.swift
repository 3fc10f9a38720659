import CZlib
import Foundation
import RenormArrays
import RenormImages
import Testing

/// A folder of its own for a test, gone when the test is over.
final class TemporaryFolder {
    let url: URL

    init() throws {
        url = FileManager.default.temporaryDirectory.appendingPathComponent("renorm \(UUID().uuidString)")
        try FileManager.default.createDirectory(at: url, withIntermediateDirectories: true)
    }

    deinit { try? FileManager.default.removeItem(at: url) }

    func file(_ name: String, _ bytes: [UInt8]) throws -> URL {
        let file = url.appendingPathComponent(name)
        try Data(bytes).write(to: file)
        return file
    }
}

/// The bytes of an IDX file.
func idx(_ shape: [Int], _ values: [UInt8], type: UInt8 = 0x08) -> [UInt8] {
    var bytes: [UInt8] = [0, 0, type, UInt8(shape.count)]
    for extent in shape {
        bytes += (0..<4).map { UInt8(truncatingIfNeeded: extent >> (24 - 8 * $0)) }
    }
    return bytes + values
}

/// The bytes compressed by gzip.
func gzip(_ bytes: [UInt8]) throws -> [UInt8] {
    let folder = try TemporaryFolder()
    let path = folder.url.appendingPathComponent("compressed").path
    let handle = try #require(gzopen(path, "wb"))
    #expect(gzwrite(handle, bytes, UInt32(bytes.count)) == Int32(bytes.count))
    gzclose(handle)
    return try [UInt8](Data(contentsOf: URL(fileURLWithPath: path)))
}

/// A dataset of small images whose pixels say which example they are of.
func numbered(
    _ labels: [Int32], height: Int = 4, width: Int = 3, channels: Int = 1, classes: Int = 10
) throws -> Dataset {
    let size = height * width * channels
    let pixels = labels.indices.flatMap { example in
        (0..<size).map { UInt8(truncatingIfNeeded: example * 31 + $0 * 7) }
    }
    return try Dataset(
        name: "numbered", images: NDArray(pixels, shape: [labels.count, height, width, channels]),
        labels: labels, classNames: (0..<classes).map(String.init))
}

/// `Tests/Fixtures`.
let fixtures = URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
    .appendingPathComponent("Fixtures")

/// Whether Fashion-MNIST is on this machine; `make test` sees to it.
let hasFashionMNIST = (try? Dataset.fashionMNISTFolder()) != nil

extension ImagesError {
    /// The message with the folder of the test left out.
    func message(in folder: TemporaryFolder) -> String {
        description.replacingOccurrences(of: folder.url.path, with: "DIR")
    }
}

extension NDArray {
    /// The FNV-1a hash of the bytes.
    var hash: UInt64 {
        withUnsafeBytes { $0.reduce(0xcbf2_9ce4_8422_2325) { ($0 ^ UInt64($1)) &* 0x100_0000_01b3 } }
    }
}

/// The whole picture, squashed into a size.
func squashed(_ height: Int, _ width: Int, _ channels: Int) -> Framing {
    Framing(size: ImageSize(height: height, width: width, channels: channels))
}
