#if canImport(Darwin)
    import Darwin
#else
    import Glibc
#endif
import RenormArrays
import RenormGraphs

extension ReferenceEvaluation {
    func elementwise() -> NDArray {
        switch node.op {
        case .random(let seed, let stream): random(seed: seed, stream: stream)
        case .unary(let function): unary(function)
        case .binary(let function): binary(function)
        case .compare(let comparison): compare(comparison)
        case .select: select()
        case .convert: converted()
        case .activation(.relu): map { $0 == -.infinity ? .nan : $0 > 0 || $0.isNaN ? $0 : 0 }
        case .activation(.relu6), .activation(.relu6OfNumbers):
            map { $0.isFinite ? min(max($0, 0), 6) : .nan }
        case .activationGradient(.relu): map2 { dy, y in y > 0 ? dy : 0 }
        case .activationGradient(.relu6), .activationGradient(.relu6OfNumbers):
            map2 { dy, y in y > 0 && y < 6 ? dy : 0 }
        default: preconditionFailure("\(node.op.name) is not elementwise")
        }
    }

    private func map(_ function: (Double) -> Double) -> NDArray {
        filled { operands, result in
            let x = operands[0]
            for index in result.indices { result[index] = Real(function(Double(x[index]))) }
        }
    }

    private func map2(_ function: (Double, Double) -> Double) -> NDArray {
        filled { operands, result in
            let (a, b) = (operands[0], operands[1])
            for index in result.indices { result[index] = Real(function(Double(a[index]), Double(b[index]))) }
        }
    }

    private func unary(_ function: Unary) -> NDArray {
        switch function {
        case .negate: map { -$0 }
        case .exp: map { exp($0) }
        case .log: map { log($0) }
        case .sqrt: map { $0.squareRoot() }
        case .rsqrt: map { 1 / $0.squareRoot() }
        case .abs: map { Swift.abs($0) }
        case .sign: map { $0 > 0 ? 1 : $0 < 0 ? -1 : $0 }
        case .logistic: map { 1 / (1 + exp(-$0)) }
        case .tanh: map { tanh($0) }
        case .erf: map { erf($0) }
        case .isFinite: map { $0.isFinite ? 1 : 0 }
        }
    }

    private func binary(_ function: Binary) -> NDArray {
        switch function {
        case .add: map2 { $0 + $1 }
        case .subtract: map2 { $0 - $1 }
        case .multiply: map2 { $0 * $1 }
        case .divide: map2 { $0 / $1 }
        case .maximum: map2 { $0.isNaN || $0 >= $1 ? $0 : $1 }
        case .minimum: map2 { $0.isNaN || $0 <= $1 ? $0 : $1 }
        case .power: map2 { pow($0, $1) }
        }
    }

    private func compare(_ comparison: Comparison) -> NDArray {
        if node.type.isFloatingPoint {
            switch comparison {
            case .equal: map2 { $0 == $1 ? 1 : 0 }
            case .notEqual: map2 { $0 != $1 ? 1 : 0 }
            case .less: map2 { $0 < $1 ? 1 : 0 }
            case .lessOrEqual: map2 { $0 <= $1 ? 1 : 0 }
            case .greater: map2 { $0 > $1 ? 1 : 0 }
            case .greaterOrEqual: map2 { $0 >= $1 ? 1 : 0 }
            }
        } else {
            compareIntegers(comparison)
        }
    }

    private func compareIntegers(_ comparison: Comparison) -> NDArray {
        let a = operands[0].converted(to: .i64).values(of: Int64.self)
        let b = operands[1].converted(to: .i64).values(of: Int64.self)
        let holds = zip(a, b).map { a, b -> Int64 in
            switch comparison {
            case .equal: a == b ? 1 : 0
            case .notEqual: a != b ? 1 : 0
            case .less: a < b ? 1 : 0
            case .lessOrEqual: a <= b ? 1 : 0
            case .greater: a > b ? 1 : 0
            case .greaterOrEqual: a >= b ? 1 : 0
            }
        }
        return NDArray(holds, shape: node.shape).converted(to: node.type)
    }

    /// Values are chosen, not computed: their bits stay.
    private func select() -> NDArray {
        let mask = operands[0].doubles
        var result = operands[2]
        let size = result.type.byteCount
        operands[1].withUnsafeBytes { chosen in
            result.withUnsafeMutableBytes { result in
                for index in mask.indices where mask[index] != 0 {
                    for byte in index * size..<(index + 1) * size { result[byte] = chosen[byte] }
                }
            }
        }
        return result
    }

    private func converted() -> NDArray {
        operands[0].converted(to: node.type.isFloatingPoint ? Real.elementType : node.type)
    }

    private func random(seed: UInt64, stream: UInt64) -> NDArray {
        filled { operands, result in
            let counter = UInt32(truncatingIfNeeded: Int64(nearestTo: Double(operands[0][0])))
            for first in stride(from: 0, to: result.count, by: 4) {
                let block = Random.block(
                    seed: seed, stream: stream, counter: counter, index: UInt32(truncatingIfNeeded: first / 4)
                )
                for (index, word) in zip(first..<result.count, [block.0, block.1, block.2, block.3]) {
                    result[index] = Real(Double(word >> 8) * 0x1p-24)
                }
            }
        }
    }
}
