import RenormArrays
import RenormImages
import RenormLayers

extension Classifier {
    /// Makes it a network for other classes, images of other channels or another size, of the same values where they fit.
    ///
    /// - Parameters:
    ///   - classes: The number of classes, which are then called 0, 1, 2, …; `nil`: as they are.
    ///   - seed: What new values depend on.
    /// - Returns: What starts anew and what was made of other values, in sentences.
    /// - Throws: As `AdaptedModel`; `TrainingError.unknownLayers` for layers that are not of the zoo.
    public mutating func adapt(
        classes: Int? = nil, channels: Int? = nil, size: (height: Int, width: Int)? = nil, seed: UInt64
    ) throws -> [String] {
        guard let architecture else { throw TrainingError.unknownLayers(path: "the network") }
        var target = architecture
        if let classes { target.classes = classes }
        target.input = [
            size?.height ?? target.input[0], size?.width ?? target.input[1], channels ?? target.input[2],
        ]
        let adapted = try AdaptedModel(target, from: model, of: architecture, seed: seed)
        try changeModels { try AdaptedModel(target, from: $0, of: architecture, seed: seed).model }
        self.architecture = target
        preparation = Preparation(
            framing: {
                var framing = preparation.framing
                framing.size = ImageSize(
                    height: target.input[0], width: target.input[1], channels: target.input[2])
                return framing
            }(),
            scaling: preparation.scaling.of(channels: target.input[2]))
        if target.classes != architecture.classes { classNames = (0..<target.classes).map(String.init) }
        var sentences: [String] = []
        if !adapted.fresh.isEmpty {
            sentences.append("Starts anew: \(adapted.fresh.joined(separator: ", ")).")
        }
        if !adapted.adapted.isEmpty {
            sentences.append(
                "Made for \(target.input[2]) channel\(target.input[2] == 1 ? "" : "s") of what was for \(architecture.input[2]): "
                    + "\(adapted.adapted.joined(separator: ", ")).")
        }
        return sentences
    }

    /// Leaves the last layer out, so that the network gives features, which are called 0, 1, 2, ….
    ///
    /// - Throws: As `Model.removingLayer`; `TrainingError.unknownLayers` for layers that are not of the zoo.
    public mutating func removeHead() throws {
        guard let architecture, let head = try architecture.headPaths().first else {
            throw TrainingError.unknownLayers(path: "the network")
        }
        let layer = head.split(separator: ".").dropLast().joined(separator: ".")
        try changeModels { try $0.removingLayer(layer) }
        classNames = (0..<(try model.outputShape()[-1])).map(String.init)
    }
}
