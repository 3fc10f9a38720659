import Foundation
import Renorm
import RenormTestSupport

/// Values that scripts/fixtures gave torchvision's models and that are computed here again, by the formula in
/// `Tests/Fixtures/README.md`.
enum TorchvisionWeights {
    /// A model's variables.
    static func variables(like model: Variables) -> Variables {
        model.mapValues { path, variable in
            guard variable.kind != .counter else { return variable }
            let shape = variable.value.shape
            let transform: (Double) -> Double =
                switch (path.split(separator: ".").last!, shape.rank) {
                case ("weight", 1): { 1 + 0.5 * $0 }
                case ("weight", _):
                    { [fanIn = Double(shape.elementCount / shape[0])] in $0 * (24 / fanIn).squareRoot() }
                case ("running_mean", _): { 0.5 * $0 }
                case ("running_var", _): { 1 + $0 }
                default: { 0.4 * $0 }
                }
            return Variable(kind: variable.kind, value: array(shape, path: path, transform))
        }
    }

    /// Two images.
    static func images(side: Int) -> NDArray { array([2, side, side, 3], path: "input") { 4 * $0 } }

    private static func array(
        _ shape: TensorShape, path: String, _ transform: (Double) -> Double
    ) -> NDArray {
        let seed = checksum(path)
        return NDArray(
            (0..<UInt32(shape.elementCount)).map { Float(transform(uniform($0, seed))) }, shape: shape)
    }

    /// In [−0.5, 0.5).
    private static func uniform(_ index: UInt32, _ seed: UInt32) -> Double {
        var hash = index &* 2_654_435_761 &+ seed
        hash ^= hash >> 16
        hash = hash &* 0x85eb_ca6b
        hash ^= hash >> 13
        hash = hash &* 0xc2b2_ae35
        hash ^= hash >> 16
        return Double(hash) / 0x1p32 - 0.5
    }

    /// CRC-32 as zlib's.
    private static func checksum(_ text: String) -> UInt32 {
        ~text.utf8.reduce(~UInt32(0)) { state, byte in
            (0..<8).reduce(state ^ UInt32(byte)) { bits, _ in
                bits >> 1 ^ (bits & 1 == 1 ? 0xedb8_8320 : 0)
            }
        }
    }
}
