import Foundation
import RenormArrays
import RenormImages

/// Images of 8 × 8 pixels of three classes that a small network can tell apart: bright rows, columns or a diagonal,
/// under noise.
package enum TinyData {
    package static func dataset(_ count: Int, seed: UInt64 = 1, name: String = "tiny") throws -> Dataset {
        var pixels: [UInt8] = []
        var labels: [Int32] = []
        for index in 0..<count {
            var random = Random(seed: seed, stream: name, counter: index)
            let label = random.integer(below: 3)
            let place = random.integer(below: 8)
            for y in 0..<8 {
                for x in 0..<8 {
                    let isBright = [y == place, x == place, (x + place) % 8 == y][label]
                    pixels.append(UInt8((isBright ? 120 : 0) + random.integer(below: 120)))
                }
            }
            labels.append(Int32(label))
        }
        return try Dataset(
            name: name, images: NDArray(pixels, shape: [count, 8, 8, 1]), labels: labels,
            classNames: ["row", "column", "diagonal"])
    }
}

/// A folder that is gone with this value.
package final class TemporaryFolder {
    package let url = FileManager.default.temporaryDirectory.appendingPathComponent(
        "renorm-\(UUID().uuidString)")

    package init() throws {
        try FileManager.default.createDirectory(at: url, withIntermediateDirectories: true)
    }

    deinit { try? FileManager.default.removeItem(at: url) }

    package func appending(_ name: String) -> URL { url.appendingPathComponent(name) }
}

/// The bytes of every file in a folder, hidden ones included.
package func contents(of folder: URL) throws -> [String: Data] {
    var result: [String: Data] = [:]
    for name in try FileManager.default.contentsOfDirectory(atPath: folder.path) {
        result[name] = try Data(contentsOf: folder.appendingPathComponent(name))
    }
    return result
}
