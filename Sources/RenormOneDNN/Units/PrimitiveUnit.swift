/// A computation of oneDNN's.
final class PrimitiveUnit: Unit {
    let name: String
    private let primitive: Primitive
    private let inputs: [Int]
    private let outputs: [Int]

    /// - Parameters:
    ///   - inputs: The argument and layout of each operand read.
    ///   - outputs: The argument and layout of each operand written.
    init(
        _ kind: String, _ primitive: Primitive, inputs: [(Int, MemoryDescriptor)],
        outputs: [(Int, MemoryDescriptor)]
    ) throws {
        name = "\(kind) \(primitive.implementation)"
        self.primitive = primitive
        self.inputs = inputs.map(\.0)
        self.outputs = outputs.map(\.0)
        try primitive.make(arguments: (inputs + outputs).map { (argument: $0.0, layout: $0.1) })
    }

    func bind(_ memory: UnitMemory) {
        for (position, argument) in inputs.enumerated() {
            primitive.setMemory(of: argument, memory.reads[position])
        }
        for (position, argument) in outputs.enumerated() {
            primitive.setMemory(of: argument, memory.writes[position])
        }
        primitive.setScratch(memory.scratch)
    }

    func run(_ memory: UnitMemory, _ context: RunContext) throws { try primitive.run() }
}
