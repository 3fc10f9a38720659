import Foundation
import Renorm
import RenormTestSupport

/// Values that scripts/fixtures gave torchvision's and timm's networks and that are computed here again, by the formula in
/// `Tests/Fixtures/README.md`.
enum TorchvisionWeights {
    /// A model's variables.
    static func variables(like model: Variables) -> Variables {
        model.mapValues { path, variable in
            guard variable.kind != .counter else { return variable }
            return Variable(kind: variable.kind, value: value(at: path, variable.value.shape))
        }
    }

    /// The variables of a network none of whose own values are wanted.
    static func variables(of layer: any Layer, input: TensorShape) throws -> Variables {
        var variables = Variables()
        for each in try Model(layer, input: input, variables: Variables()).specifications() {
            let value = each.kind == .counter ? NDArray(scalar: Int64(0)) : value(at: each.path, each.shape)
            variables[each.path] = Variable(kind: each.kind, value: value)
        }
        return variables
    }

    /// Two images.
    static func images(side: Int) -> NDArray { array([2, side, side, 3], path: "input") { 4 * $0 } }

    /// Σ g·u, u the numbers of a path.
    static func product(of gradient: NDArray, path: String) -> Double {
        let seed = checksum(path)
        func sum<Element: ArrayElement & BinaryFloatingPoint>(_ type: Element.Type) -> Double {
            gradient.withValues(of: type) { values in
                var (sum, index) = (0.0, UInt32(0))
                for value in values {
                    sum += Double(value) * uniform(index, seed)
                    index &+= 1
                }
                return sum
            }
        }
        return gradient.type == .f64 ? sum(Double.self) : sum(Float.self)
    }

    private static func value(at path: String, _ shape: TensorShape) -> NDArray {
        let transform: (Double) -> Double =
            switch (path.split(separator: ".").last!, shape.rank) {
            case ("weight", 1): { 1 + 0.5 * $0 }
            case ("weight", _):
                { [scale = (24 / Double(shape.elementCount / shape[0])).squareRoot()] in $0 * scale }
            case ("running_mean", _): { 0.5 * $0 }
            case ("running_var", _): { 1 + $0 }
            default: { 0.4 * $0 }
            }
        return array(shape, path: path, transform)
    }

    /// The numbers of a path, transformed.
    static func array(
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
