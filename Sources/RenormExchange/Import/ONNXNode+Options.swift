import RenormArrays
import RenormFormats

extension ONNXNode {
    /// An option that is a whole number.
    func integer(_ name: String) -> Int? {
        if case .integer(let value)? = attributes[name] { value } else { nil }
    }

    /// An option that is a row of whole numbers.
    func integers(_ name: String) -> [Int]? {
        if case .integers(let values)? = attributes[name] { values } else { nil }
    }

    /// An option that is a number.
    func float(_ name: String) -> Double? {
        if case .float(let value)? = attributes[name] { Double("\(value)") ?? Double(value) } else { nil }
    }

    /// An option that is a text.
    func text(_ name: String) -> String? {
        if case .text(let value)? = attributes[name] { value } else { nil }
    }
}

extension NDArray {
    /// The values as whole numbers.
    var integers: [Int] {
        if type == .i64 { return values(of: Int64.self).map(Int.init) }
        return doubles.map { Int(exactly: $0.rounded(.towardZero)) ?? 0 }
    }
}
