import Renorm

/// A source of pictures of your own, which draws them when they are asked for: discs, squares and crosses of random sizes in
/// random places.
struct Shapes: ImageSource {
    static let classNames = ["disc", "square", "cross"]

    let count: Int
    let seed: UInt64
    let commonSize: ImageSize? = ImageSize(height: 20, width: 20, channels: 1)

    func size(of image: Int) -> ImageSize { commonSize! }

    func read(_ image: Int, into pixels: UnsafeMutableBufferPointer<UInt8>) {
        var random = Random(seed: seed, stream: "shape \(image)")
        let radius = 3 + 4 * random.uniform()
        let (row, column) = (
            radius + (20 - 2 * radius) * random.uniform(), radius + (20 - 2 * radius) * random.uniform()
        )
        for place in pixels.indices {
            let (y, x) = (abs(Double(place / 20) - row), abs(Double(place % 20) - column))
            let isInside =
                switch image % 3 {
                case 0: x * x + y * y <= radius * radius
                case 1: max(x, y) <= radius * 0.85
                default: max(x, y) <= radius && min(x, y) <= radius / 4
                }
            pixels[place] = UInt8((isInside ? 170 : 40) + Int(60 * random.uniform()))
        }
    }

    func addFingerprint(of image: Int, to fingerprint: inout Fingerprint) {
        fingerprint.add(image)
        fingerprint.add(Int(seed))
    }

    /// So many shapes as labelled examples.
    static func dataset(_ count: Int, seed: UInt64, name: String) throws -> Dataset {
        let labels = (0..<count).map { Int32($0 % 3) }
        return try Dataset(
            DatasetIndex(name: name, labels: labels, classNames: classNames),
            images: Shapes(count: count, seed: seed))
    }
}
