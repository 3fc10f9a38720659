import RenormKernels

/// A depthwise 3×3 convolution of our own, or one of its gradients.
final class DepthwiseUnit: Unit {
    enum Direction {
        /// Reads x, the weight and maybe a bias; writes y.
        case forward(isBiased: Bool, activation: renorm_activation)
        /// Reads dy and the weight; writes dx.
        case dataGradient
        /// Reads x and dy; writes the weight's gradient.
        case weightGradient
    }

    let name: String
    private let shape: renorm_depthwise
    private let direction: Direction

    init(_ shape: renorm_depthwise, _ direction: Direction) {
        self.shape = shape
        self.direction = direction
        let kind =
            switch direction {
            case .forward: "convolution"
            case .dataGradient: "convolutionInputGradient"
            case .weightGradient: "convolutionWeightGradient"
            }
        name = "\(kind) depthwise"
    }

    func run(_ memory: UnitMemory, _ context: RunContext) {
        switch direction {
        case .forward(let isBiased, let activation):
            renorm_depthwise_forward(
                context.team, shape, memory.reads[0], memory.input(1), memory.input(isBiased ? 2 : nil),
                activation, memory.writes[0])
        case .dataGradient:
            renorm_depthwise_data_gradient(
                context.team, shape, memory.reads[0], memory.input(1), memory.writes[0])
        case .weightGradient:
            renorm_depthwise_weight_gradient(
                context.team, shape, memory.reads[0], memory.reads[1], memory.output(0), memory.scratch)
        }
    }
}
