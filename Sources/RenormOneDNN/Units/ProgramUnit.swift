import RenormKernels

/// A pass over memory that computes a cluster of elementwise operations.
final class ProgramUnit: Unit {
    let name: String
    private let program: OpaquePointer

    /// What the program computes: inputs, constants, instructions and outputs as `renorm_program_description` numbers
    /// them.
    struct Description {
        var outer = 1
        var inner = 0
        var inputs: [renorm_operand] = []
        var constants: [Float] = []
        var instructions: [renorm_instruction] = []
        var outputs: [renorm_program_output] = []
    }

    init(_ description: Description) throws {
        name =
            "program \(description.outer)×\(description.inner), \(description.instructions.count) operations"
        let program = description.inputs.withUnsafeBufferPointer { inputs in
            description.constants.withUnsafeBufferPointer { constants in
                description.instructions.withUnsafeBufferPointer { instructions in
                    description.outputs.withUnsafeBufferPointer { outputs in
                        var plain = renorm_program_description(
                            outer: description.outer, inner: description.inner,
                            input_count: Int32(inputs.count), inputs: inputs.baseAddress,
                            constant_count: Int32(constants.count), constants: constants.baseAddress,
                            instruction_count: Int32(instructions.count),
                            instructions: instructions.baseAddress, output_count: Int32(outputs.count),
                            outputs: outputs.baseAddress!)
                        return renorm_program_create(&plain)
                    }
                }
            }
        }
        guard let program else {
            throw OneDNNError.status(code: 1, doing: "making a pass of elementwise operations")
        }
        self.program = program
    }

    deinit { renorm_program_destroy(program) }

    func run(_ memory: UnitMemory, _ context: RunContext) {
        memory.reads.withMemoryRebound(to: UnsafeRawPointer.self, capacity: 1) { reads in
            renorm_program_run(program, context.team, reads, memory.writes)
        }
    }
}
