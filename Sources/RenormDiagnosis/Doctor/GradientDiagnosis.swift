/// How large the gradient of the loss is beside what it changes: of a parameter or, put together, of the parameters of a layer.
public struct GradientDiagnosis: Sendable, Hashable, Codable {
    /// The path of the parameter, or of the layer.
    public var path: String
    /// The number of values.
    public var elements: Int
    /// ‖g‖, the root of the mean over batches of the squared norms. Not finite where a batch's is not.
    public var gradient: Double
    /// ‖w‖.
    public var weight: Double
    /// ‖g‖/‖w‖; `nil` where all values are 0.
    public var ratio: Double?
    /// About how large a step at the run's largest learning rate is beside the values, ‖Δw‖/‖w‖; `nil` where optimizer and rate are not known.
    public var update: Double?

    /// Describes a gradient.
    public init(path: String, elements: Int, gradient: Double, weight: Double, update: Double? = nil) {
        self.path = path
        self.elements = elements
        self.gradient = gradient
        self.weight = weight
        self.update = update
        ratio = weight > 0 ? gradient / weight : nil
    }

    /// The path of the layer that a parameter is of.
    public var layer: String { path.lastIndex(of: ".").map { String(path[..<$0]) } ?? path }
}

extension [GradientDiagnosis] {
    /// The parameters of each layer together, in the order in which layers come first. A bias of zeros is no layer of zeros.
    public var layers: [GradientDiagnosis] {
        var order: [String] = []
        var groups: [String: [GradientDiagnosis]] = [:]
        for parameter in self {
            if groups[parameter.layer] == nil { order.append(parameter.layer) }
            groups[parameter.layer, default: []].append(parameter)
        }
        return order.map { layer in
            let own = groups[layer]!
            func norm(_ value: (GradientDiagnosis) -> Double) -> Double {
                own.reduce(0) { $0 + value($1) * value($1) }.squareRoot()
            }
            let weight = norm(\.weight)
            let updates = own.allSatisfy { $0.update != nil } && weight > 0
            return GradientDiagnosis(
                path: layer, elements: own.reduce(0) { $0 + $1.elements }, gradient: norm(\.gradient),
                weight: weight,
                update: updates ? norm { ($0.update ?? 0) * $0.weight } / weight : nil)
        }
    }

    /// What ratios of the layers are compared with: their median or, where more than half of them have lost their gradient, that of the
    /// layer next to the loss.
    package var usualRatio: Double {
        let layers = self.layers
        let ratios = layers.compactMap(\.ratio).filter(\.isFinite)
        let last = layers.last?.ratio.flatMap { $0.isFinite ? $0 : nil } ?? 0
        return Swift.max(ratios.isEmpty ? 0 : ratios.median, last)
    }
}
