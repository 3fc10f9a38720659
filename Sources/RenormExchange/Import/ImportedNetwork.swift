import OrderedCollections
import RenormArrays
import RenormFormats
import RenormGraphs
import RenormLayers

/// A classification network from another program's file, as a description and weights.
///
///     let network = try ImportedNetwork(ONNXModel(reading: url))
///     let model = try network.makeModel()
public struct ImportedNetwork: Sendable {
    /// What it is made of. Separate normalizations say nothing of their kind, so they are those of the run.
    public var description: NetworkDescription
    /// The values of its variables by their paths, PyTorch's moving averages among them.
    public var weights: OrderedDictionary<String, NDArray>
    /// The shape of one image: `[H, W, C]`.
    public var image: TensorShape
    /// The number of classes.
    public var classes: Int
    /// What was understood or left out, in full sentences.
    public var remarks: [String]

    /// The normalization that it was made with.
    public var normalization: Normalization { description.normalization ?? Normalization(.batch) }

    /// The architecture, which can be saved: the file is needed no more.
    ///
    /// - Parameter name: Where it is from, for people.
    public func architecture(name: String) -> Architecture {
        Architecture(
            name: name, classes: classes, input: image, normalization: normalization, description: description
        )
    }

    /// The network with its weights.
    ///
    /// - Throws: `VariablesError` for values that no network has, such as a negative variance.
    public func makeModel(name: String = "file") throws -> Model {
        var model = try Model(
            architecture(name: name).makeLayer(), input: image, variables: Variables())
        try model.load(
            VariablesFile(
                path: name, arrays: Dictionary(uniqueKeysWithValues: weights.map { ($0.key, $0.value) }),
                metadata: [:]))
        return model
    }
}

extension ImportedNetwork {
    /// Understands a network from ONNX, of operators from version 7 on.
    ///
    /// What other programs do around layers is undone: batches of a fixed size, channels last or first, constants that are
    /// computed. A Softmax at the end is left out, since networks give logits here.
    ///
    /// - Parameter image: The shape of an image `[H, W, C]` where the file leaves it open.
    /// - Throws: `ExchangeError`; `.unsupported` lists all that no layer of ours does.
    public init(_ model: ONNXModel, image: TensorShape? = nil) throws {
        var importer = try GraphImporter(model, image: image)
        self = try importer.imported()
    }
}
