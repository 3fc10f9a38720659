/// How long a unit has taken.
package struct UnitTime: Sendable {
    /// What the unit is: its kind, then by which implementation.
    package var name: String
    /// The layer that it is of.
    package var path: String
    /// Which of the graph's convolutions, or gradients of some, it is a part of; the same in every plan of a graph. Nil for
    /// other units.
    package var convolution: Int?
    /// That node's operation: `convolution`, `convolutionInputGradient` or `convolutionWeightGradient`.
    package var operation: String?
    /// The time.
    package var seconds: Double

    /// Says how long a unit has taken.
    package init(
        name: String, path: String = "", convolution: Int? = nil, operation: String? = nil, seconds: Double
    ) {
        self.name = name
        self.path = path
        self.convolution = convolution
        self.operation = operation
        self.seconds = seconds
    }

    init(_ placed: ExecutionPlan.PlacedUnit, seconds: Double) {
        name = placed.unit.name
        path = placed.path
        convolution = placed.convolution?.number
        operation = placed.convolution?.operation
        self.seconds = seconds
    }
}
