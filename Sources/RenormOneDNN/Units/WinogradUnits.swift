import RenormKernels

/// Which operands hold what happens to each result before it is stored.
struct WinogradEpilogue {
    var bias: Int?
    var residual: Int?
    var activation = renorm_activation.identity
}

/// Reads a weight in blocks; writes its filters, transformed.
final class WinogradFiltersUnit: Unit {
    let name: String
    private var plan: renorm_winograd

    init(_ plan: WinogradPlan) {
        name = "filters \(plan.name)"
        self.plan = plan.plan
    }

    func run(_ memory: UnitMemory, _ context: RunContext) {
        renorm_winograd_transform_filters(&plan, context.team, memory.input(0), memory.output(0))
    }
}

/// Reads x or dy, the filters, and maybe a bias and a residual; writes y or dx.
final class WinogradUnit: Unit {
    let name: String
    private var plan: renorm_winograd
    private let epilogue: WinogradEpilogue

    init(_ kind: String, _ plan: WinogradPlan, _ epilogue: WinogradEpilogue) {
        name = "\(kind) \(plan.name)"
        self.plan = plan.plan
        self.epilogue = epilogue
    }

    func run(_ memory: UnitMemory, _ context: RunContext) {
        renorm_winograd_convolve(
            &plan, context.team, memory.input(0), memory.input(1),
            renorm_winograd_epilogue(
                bias: memory.input(epilogue.bias), residual: memory.input(epilogue.residual),
                activation: epilogue.activation), memory.output(0), memory.scratch)
    }
}

/// Reads x and dy; writes the gradient of the weight.
final class WinogradWeightGradientUnit: Unit {
    let name: String
    private var plan: renorm_winograd

    init(_ plan: WinogradPlan) {
        name = "convolutionWeightGradient \(plan.name)"
        self.plan = plan.plan
    }

    func run(_ memory: UnitMemory, _ context: RunContext) {
        renorm_winograd_weigh(
            &plan, context.team, memory.input(0), memory.input(1), memory.output(0), memory.scratch)
    }
}
