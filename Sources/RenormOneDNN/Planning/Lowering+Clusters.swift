import RenormGraphs
import RenormKernels

extension Lowering {
    /// One program for a cluster. Its inputs are what comes from outside, its outputs what is read outside.
    func lower(_ cluster: Cluster) throws {
        var builder = ProgramBuilder(cluster: cluster)
        let members = Set(cluster.members)
        var reads: [Operand] = []
        func type(_ node: Int) -> renorm_type { prepared.node(node).type.kernel }
        for member in cluster.members {
            for input in prepared.inputs(member) where !members.contains(input) {
                if let value = prepared.uniform[input] {
                    builder.addConstant(value, for: input)
                } else if let stretch = cluster.stretches[input] {
                    if builder.addInput(input, type(input), stretch) {
                        reads.append(try operand(prepared.input(input, 0)))
                    }
                } else if builder.addInput(input, type(input), nil) {
                    reads.append(try operand(input, asFor: member))
                }
            }
        }
        for member in cluster.members {
            builder.addInstructions(prepared.node(member).op, prepared.inputs(member), result: member)
        }
        let results = cluster.members.filter { member in
            prepared.isRequested[member] || member == cluster.members.last
        }
        let writes = try results.map(operand)
        let types = results.map(type)
        let shareable = results.indices.flatMap { write in
            builder.denseInputs(types[write]).map { (write: write, read: $0) }
        }
        add(
            PlannedUnit(key: cluster.members.last!, reads: reads, writes: writes, shareable: shareable) {
                [builder] inPlace in
                try ProgramUnit(builder.description(results: Array(zip(results, types)), inPlace: inPlace))
            })
    }
}

/// Writes a cluster as a program, whose values are numbered: inputs, then constants, then results.
private struct ProgramBuilder {
    private enum Value: Hashable {
        case input(Int)
        case constant(Int)
        case result(Int)
    }

    private let outer: Int
    private let inner: Int
    private var inputs: [renorm_operand] = []
    private var dense: [Int] = []
    private var constants: [Float] = []
    private var instructions: [(op: renorm_op, operands: [Value])] = []
    private var values: [Int: Value] = [:]

    init(cluster: Cluster) {
        outer = cluster.split?.outer ?? 1
        inner = cluster.split?.inner ?? cluster.count
    }

    /// Adds an operand from outside; false if it was there already.
    mutating func addInput(_ node: Int, _ type: renorm_type, _ stretch: Stretch?) -> Bool {
        if values[node] != nil { return false }
        values[node] = .input(inputs.count)
        if let stretch {
            // A moving outer operand of [outer, 1] has one element each, of [1, inner] none of its own.
            inputs.append(
                renorm_operand(
                    outer_stride: stretch.outerStride, inner_stride: stretch.innerStride, type: type))
        } else {
            dense.append(inputs.count)
            inputs.append(renorm_operand(outer_stride: inner, inner_stride: 1, type: type))
        }
        return true
    }

    /// The operands of a type that are not stretched: a result may lie in their memory.
    func denseInputs(_ type: renorm_type) -> [Int] { dense.filter { inputs[$0].type == type } }

    mutating func addConstant(_ value: Float, for node: Int) {
        if values[node] == nil { values[node] = constant(value) }
    }

    private mutating func constant(_ value: Float) -> Value {
        if let known = constants.firstIndex(where: { $0.bitPattern == value.bitPattern }) {
            return .constant(known)
        }
        constants.append(value)
        return .constant(constants.count - 1)
    }

    mutating func addInstructions(_ op: Op, _ nodes: [Int], result: Int) {
        let operands = nodes.map { values[$0]! }
        switch op {
        case .select:
            values[result] = emit(.select, operands)
        case .activationGradient(let activation):
            let zero = constant(0)
            var mask = emit(.greater, [operands[1], zero])
            if activation != .relu {
                mask = emit(
                    .multiply, [mask, emit(.less, [operands[1], constant(6)])])
            }
            values[result] = emit(.select, [mask, operands[0], zero])
        default:
            values[result] = emit(op.instruction, operands)
        }
    }

    private mutating func emit(_ op: renorm_op, _ operands: [Value]) -> Value {
        instructions.append((op, operands))
        return .result(instructions.count - 1)
    }

    func description(results: [(node: Int, type: renorm_type)], inPlace: [Int: Int])
        -> ProgramUnit.Description
    {
        func number(_ value: Value) -> Int32 {
            switch value {
            case .input(let index): Int32(index)
            case .constant(let index): Int32(inputs.count + index)
            case .result(let index): Int32(inputs.count + constants.count + index)
            }
        }
        var result = ProgramUnit.Description(
            outer: outer, inner: inner, inputs: inputs, constants: constants)
        result.instructions = instructions.map { instruction in
            let operands = instruction.operands.map(number)
            return renorm_instruction(
                op: instruction.op, a: operands[0], b: operands.count > 1 ? operands[1] : 0,
                c: operands.count > 2 ? operands[2] : 0)
        }
        result.outputs = results.enumerated().map { position, result in
            renorm_program_output(
                value: number(values[result.node]!), in_place_of: Int32(inPlace[position] ?? -1),
                operand: renorm_operand(outer_stride: inner, inner_stride: 1, type: result.type))
        }
        return result
    }
}

extension Op {
    /// The instruction for an elementwise operation that is one.
    fileprivate var instruction: renorm_op {
        switch self {
        case .unary(let function): function.instruction
        case .binary(let function): function.instruction
        case .compare(let comparison): comparison.instruction
        case .activation(.relu): .relu
        case .activation(.relu6), .activation(.relu6OfNumbers): .relu6
        default: preconditionFailure("\(name) is no single instruction")
        }
    }
}

extension Unary {
    fileprivate var instruction: renorm_op {
        switch self {
        case .negate: .negate
        case .exp: .exp
        case .log: .log
        case .sqrt: .sqrt
        case .rsqrt: .rsqrt
        case .abs: .abs
        case .sign: .sign
        case .logistic: .logistic
        case .tanh: .tanh
        case .erf: .erf
        case .isFinite: .is_finite
        }
    }
}

extension Binary {
    fileprivate var instruction: renorm_op {
        switch self {
        case .add: .add
        case .subtract: .subtract
        case .multiply: .multiply
        case .divide: .divide
        case .maximum: .maximum
        case .minimum: .minimum
        case .power: .power
        }
    }
}

extension Comparison {
    fileprivate var instruction: renorm_op {
        switch self {
        case .equal: .equal
        case .notEqual: .not_equal
        case .less: .less
        case .lessOrEqual: .less_equal
        case .greater: .greater
        case .greaterOrEqual: .greater_equal
        }
    }
}
