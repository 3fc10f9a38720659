import Foundation
import RenormKernels
import Testing

/// A program in words of the tests: what a description points at, kept alive while it is made and run.
struct TestProgram {
    var outer: Int
    var inner: Int
    var inputs: [renorm_operand] = []
    var constants: [Float] = []
    var instructions: [renorm_instruction] = []
    var outputs: [renorm_program_output] = []

    init(_ outer: Int, _ inner: Int) {
        self.outer = outer
        self.inner = inner
    }

    /// Adds an input with these strides (contiguous if none are given) and returns its number.
    mutating func input(
        _ outerStride: Int? = nil, _ innerStride: Int = 1, type: renorm_type = .f32
    ) -> Int32 {
        inputs.append(
            renorm_operand(outer_stride: outerStride ?? inner, inner_stride: innerStride, type: type))
        return Int32(inputs.count - 1)
    }

    /// Inputs come before constants, constants before instructions.
    mutating func constant(_ value: Float) -> Int32 {
        constants.append(value)
        return Int32(inputs.count + constants.count - 1)
    }

    mutating func apply(_ op: renorm_op, _ a: Int32, _ b: Int32 = -1, _ c: Int32 = -1) -> Int32 {
        instructions.append(renorm_instruction(op: op, a: a, b: b, c: c))
        return Int32(inputs.count + constants.count + instructions.count - 1)
    }

    mutating func output(
        _ value: Int32, outerStride: Int? = nil, inPlaceOf input: Int32 = -1, type: renorm_type = .f32
    ) {
        outputs.append(
            renorm_program_output(
                value: value, in_place_of: input,
                operand: renorm_operand(
                    outer_stride: outerStride ?? inner, inner_stride: 1, type: type)))
    }

    func make() -> OpaquePointer? {
        inputs.withUnsafeBufferPointer { inputs in
            constants.withUnsafeBufferPointer { constants in
                instructions.withUnsafeBufferPointer { instructions in
                    outputs.withUnsafeBufferPointer { outputs in
                        guard let first = outputs.baseAddress else { return nil }
                        var description = renorm_program_description(
                            outer: outer, inner: inner, input_count: Int32(inputs.count),
                            inputs: inputs.baseAddress,
                            constant_count: Int32(constants.count), constants: constants.baseAddress,
                            instruction_count: Int32(instructions.count),
                            instructions: instructions.baseAddress,
                            output_count: Int32(outputs.count), outputs: first)
                        return renorm_program_create(&description)
                    }
                }
            }
        }
    }

    /// Runs on the arrays, which are rounded to bf16 where the program says so; an output in place of an input changes
    /// that array.
    func run(_ team: Team, _ arrays: inout [[Float]], outputCounts: [Int]) -> [[Float]] {
        guard let program = make() else { return [] }
        defer { renorm_program_destroy(program) }
        func copied(_ array: [Float], _ type: renorm_type) -> UnsafeMutableRawPointer {
            let pointer = UnsafeMutableRawPointer.allocate(byteCount: array.count * 4 + 4, alignment: 64)
            if type == .f32 {
                pointer.initializeMemory(as: Float.self, from: array, count: array.count)
            } else {
                pointer.initializeMemory(as: UInt16.self, from: array.map(BF16.bits), count: array.count)
            }
            return pointer
        }
        func values(_ pointer: UnsafeMutableRawPointer, _ count: Int, _ type: renorm_type) -> [Float] {
            if type == .f32 {
                return Array(
                    UnsafeBufferPointer(start: pointer.assumingMemoryBound(to: Float.self), count: count))
            }
            let halves = pointer.assumingMemoryBound(to: UInt16.self)
            return (0..<count).map { BF16.value(halves[$0]) }
        }
        let inputPointers = zip(arrays, inputs).map { copied($0, $1.type) }
        let fresh = zip(outputCounts, outputs).map { count, output in
            copied([Float](repeating: .nan, count: count), output.operand.type)
        }
        defer { (inputPointers + fresh).forEach { $0.deallocate() } }
        let outputPointers = zip(outputs, fresh).map {
            $0.in_place_of >= 0 ? inputPointers[Int($0.in_place_of)] : $1
        }
        renorm_program_run(
            program, team.pointer, inputPointers.map { UnsafeRawPointer($0) }, outputPointers)
        arrays = arrays.indices.map { values(inputPointers[$0], arrays[$0].count, inputs[$0].type) }
        return outputs.indices.map { values(outputPointers[$0], outputCounts[$0], outputs[$0].operand.type) }
    }
}

/// What each operation means, in double.
func meaning(_ op: renorm_op, _ a: Double, _ b: Double = 0, _ c: Double = 0) -> Double {
    switch op {
    case .copy: a
    case .negate: -a
    case .exp: exp(a)
    case .log: log(a)
    case .sqrt: a.squareRoot()
    case .rsqrt: 1 / a.squareRoot()
    case .abs: abs(a)
    case .logistic: 1 / (1 + exp(-a))
    case .tanh: tanh(a)
    case .erf: erf(a)
    case .relu: a == -.infinity ? .nan : a < 0 ? 0 : a
    case .relu6: !a.isFinite ? .nan : a < 0 ? 0 : a > 6 ? 6 : a
    case .sign: a > 0 ? 1 : a < 0 ? -1 : a
    case .is_finite: a.isFinite ? 1 : 0
    case .add: a + b
    case .subtract: a - b
    case .multiply: a * b
    case .divide: a / b
    case .maximum: a.isNaN || b.isNaN ? .nan : max(a, b)
    case .minimum: a.isNaN || b.isNaN ? .nan : min(a, b)
    case .power: pow(a, b)
    case .equal: a == b ? 1 : 0
    case .not_equal: a != b ? 1 : 0
    case .less: a < b ? 1 : 0
    case .less_equal: a <= b ? 1 : 0
    case .greater: a > b ? 1 : 0
    case .greater_equal: a >= b ? 1 : 0
    case .select: a != 0 ? b : c
    }
}

extension KernelTests {
    @Suite struct Program {
        static let operations = (renorm_op.copy.rawValue...renorm_op.select.rawValue)
            .compactMap(renorm_op.init(rawValue:))

        /// Ordinary values of every size, and the special ones.
        static let values: [Float] = {
            var numbers = Numbers(7)
            let ordinary = (0..<600).map { _ in numbers.normal() * Float(exp2(numbers.unit() * 40 - 20)) }
            let special: [Float] = [
                0, -0.0, 1, -1, .infinity, -.infinity, .nan, 0.5, 2, 3, -2, -3, 6, 88.7, 88.8, -87, -104,
                1e-38,
                .leastNonzeroMagnitude, .leastNormalMagnitude, .greatestFiniteMagnitude,
                -.greatestFiniteMagnitude,
                0.625, -0.625, 16_777_216, 16_777_218, 8_388_609, -8_388_609, 1.000001, 0.999999, -20, 20,
                9.01,
            ]
            return ordinary + special
        }()

        /// Units in the last place of f32 by which `actual` is off.
        private func ulps(_ actual: Float, _ expected: Double) -> Double {
            let rounded = Float(expected)
            if actual == rounded || actual.isNaN && rounded.isNaN { return 0 }
            guard actual.isFinite, rounded.isFinite else {
                // One of them overflows: the other must be next to it.
                let finite = actual.isFinite ? actual : rounded
                return abs(finite) == .greatestFiniteMagnitude && finite.sign == (actual + rounded).sign
                    ? 1 : .infinity
            }
            return abs(Double(actual) - expected) / Double(max(rounded.ulp, .leastNonzeroMagnitude))
        }

        @Test(arguments: operations) func operationIsItsMeaning(_ op: renorm_op) {
            let operands = op == .select ? 3 : op.rawValue < renorm_op.add.rawValue ? 1 : 2
            // All pairs for two operands; for three, each value meets shifted copies of the list.
            let v = Self.values, n = v.count
            var columns: [[Float]]
            switch operands {
            case 1: columns = [v]
            case 2:
                let pairs = (0..<n * n).filter { ($0 / n) % 5 == 0 || $0 % n > 590 }
                columns = [pairs.map { v[$0 / n] }, pairs.map { v[$0 % n] }]
            default: columns = [v, (0..<n).map { v[($0 + 7) % n] }, (0..<n).map { v[($0 + 100) % n] }]
            }
            let count = columns[0].count
            var program = TestProgram(1, count)
            for _ in columns { _ = program.input() }
            let result = program.apply(op, 0, 1, 2)
            program.output(result)
            let tolerance: Double =
                switch op {
                case .exp, .log, .logistic, .tanh, .erf: 3
                case .power: 1
                default: 0.51
                }
            for team in Team.all {
                var arrays = columns
                let y = program.run(team, &arrays, outputCounts: [count])[0]
                var worst = 0.0, at = 0
                for i in 0..<count {
                    let expected = meaning(
                        op, Double(columns[0][i]), operands > 1 ? Double(columns[1][i]) : 0,
                        operands > 2 ? Double(columns[2][i]) : 0)
                    var error = ulps(y[i], expected)
                    if op == .rsqrt { error /= 3 }
                    if error > worst { (worst, at) = (error, i) }
                }
                let operandsAt = columns.map { $0[at] }
                #expect(worst <= tolerance, "\(op) of \(operandsAt) is \(y[at]) on \(team)")
            }
        }

        @Test func exponentialIsAccurateEverywhere() {
            let x = (0..<200_000).map { Float(-104 + 193 * Double($0) / 200_000) }
            check(.exp, x, ulps: 2)
        }

        @Test func logarithmIsAccurateEverywhere() {
            check(.log, (0..<100_000).map { Float(0.5 + 1.5 * Double($0) / 100_000) }, ulps: 2)
            check(.log, (1..<20_000).map { Float(bitPattern: UInt32($0) * 100_003) }, ulps: 2)
        }

        @Test func hyperbolicTangentAndLogisticAreAccurateEverywhere() {
            let x = (0..<200_000).map { Float(-20 + 40 * Double($0) / 200_000) }
            check(.tanh, x, ulps: 3)
            check(.logistic, x.map { $0 * 4 }, ulps: 3)
        }

        @Test func theErrorFunctionIsAccurateEverywhere() {
            check(.erf, (0..<200_000).map { Float(-5 + 10 * Double($0) / 200_000) }, ulps: 2)
            check(.erf, (1..<20_000).map { Float(bitPattern: UInt32($0) * 100_003) }, ulps: 2)
        }

        private func check(_ op: renorm_op, _ x: [Float], ulps limit: Double) {
            var program = TestProgram(1, x.count)
            let result = program.apply(op, program.input())
            program.output(result)
            for team in Team.all {
                var arrays = [x]
                let y = program.run(team, &arrays, outputCounts: [x.count])[0]
                let worst = x.indices.max {
                    ulps(y[$0], meaning(op, Double(x[$0]))) < ulps(y[$1], meaning(op, Double(x[$1])))
                }!
                #expect(
                    ulps(y[worst], meaning(op, Double(x[worst]))) <= limit,
                    "\(op)(\(x[worst])) = \(y[worst]), \(team)")
            }
        }
    }
}
