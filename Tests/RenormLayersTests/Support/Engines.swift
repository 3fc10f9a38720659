import Renorm
import Testing

/// The engines that layers are tested on, with the tolerance of their arithmetic.
enum TestEngine: String, CaseIterable, CustomTestStringConvertible {
    case referenceDouble, referenceFloat, oneDNN

    func make() throws -> any Engine {
        switch self {
        case .referenceDouble: ReferenceEngine(precision: .f64)
        case .referenceFloat: ReferenceEngine(precision: .f32)
        case .oneDNN: try OneDNNEngine(threads: 2)
        }
    }

    /// f64 engines are fed f64, others f32.
    var type: ElementType { self == .referenceDouble ? .f64 : .f32 }

    func tolerance(double: Double, float: Double) -> Double { type == .f64 ? double : float }

    var testDescription: String { rawValue }
}
