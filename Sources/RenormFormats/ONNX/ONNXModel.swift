import OrderedCollections
import RenormArrays

/// A network in the Open Neural Network Exchange format: what is needed of it to run one and to write one.
///
///     let model = try ONNXModel(reading: url)
///     for node in model.graph.nodes { … }
///
/// Source: onnx/onnx, onnx.proto.
public struct ONNXModel: Sendable, Equatable {
    /// The version of the format.
    public var irVersion: Int
    /// The version of the operators by their domain; the standard one is the empty text.
    public var opsets: OrderedDictionary<String, Int>
    /// The program that wrote it.
    public var producer: String
    /// The version of that program.
    public var producerVersion: String
    /// What the file says of itself.
    public var metadata: OrderedDictionary<String, String>
    /// The computation.
    public var graph: ONNXGraph

    /// Makes a network.
    public init(
        irVersion: Int = 10, opsets: OrderedDictionary<String, Int> = ["": 21],
        producer: String = "", producerVersion: String = "",
        metadata: OrderedDictionary<String, String> = [:], graph: ONNXGraph = ONNXGraph()
    ) {
        self.irVersion = irVersion
        self.opsets = opsets
        self.producer = producer
        self.producerVersion = producerVersion
        self.metadata = metadata
        self.graph = graph
    }

    /// The version of the standard operators.
    public var opset: Int { opsets[""] ?? opsets["ai.onnx"] ?? 1 }
}

/// A computation: nodes that read values by name and give values names.
public struct ONNXGraph: Sendable, Equatable {
    /// What it is called.
    public var name: String
    /// The operations.
    public var nodes: [ONNXNode]
    /// Arrays that stand in the file, by the names of the values that they are.
    public var initializers: OrderedDictionary<String, NDArray>
    /// What has to be fed; older files name initializers here too.
    public var inputs: [ONNXValue]
    /// What comes out.
    public var outputs: [ONNXValue]

    /// Makes a computation.
    public init(
        name: String = "network", nodes: [ONNXNode] = [],
        initializers: OrderedDictionary<String, NDArray> = [:],
        inputs: [ONNXValue] = [], outputs: [ONNXValue] = []
    ) {
        self.name = name
        self.nodes = nodes
        self.initializers = initializers
        self.inputs = inputs
        self.outputs = outputs
    }
}

/// One operation of a computation.
public struct ONNXNode: Sendable, Equatable {
    /// The operator, such as `Conv`.
    public var operation: String
    /// Its own name; may be empty.
    public var name: String
    /// The operator's domain; empty for the standard.
    public var domain: String
    /// The values that it reads; an empty text stands for one that is left out.
    public var inputs: [String]
    /// The values that it makes.
    public var outputs: [String]
    /// Its options.
    public var attributes: OrderedDictionary<String, ONNXAttribute>

    /// Makes an operation.
    public init(
        _ operation: String, _ inputs: [String], _ outputs: [String], name: String = "", domain: String = "",
        _ attributes: OrderedDictionary<String, ONNXAttribute> = [:]
    ) {
        self.operation = operation
        self.inputs = inputs
        self.outputs = outputs
        self.name = name
        self.domain = domain
        self.attributes = attributes
    }
}

/// An option of an operation.
public enum ONNXAttribute: Sendable, Equatable {
    /// A floating-point number.
    case float(Float)
    /// A whole number.
    case integer(Int)
    /// A text.
    case text(String)
    /// An array.
    case tensor(NDArray)
    /// Floating-point numbers.
    case floats([Float])
    /// Whole numbers.
    case integers([Int])
    /// Texts.
    case texts([String])
    /// What is not read, such as a computation inside the operation.
    case other
}

/// The name, type and shape of a value.
public struct ONNXValue: Sendable, Hashable {
    /// An extent.
    public enum Extent: Sendable, Hashable {
        /// A number.
        case fixed(Int)
        /// Any, with a name that equal ones share; may be empty.
        case named(String)
    }

    /// What it is called.
    public var name: String
    /// The type of its elements by the format's number: 1 for f32, 2 for bytes.
    public var type: Int
    /// Its extents; `nil` where nothing is said of them.
    public var shape: [Extent]?

    /// Describes a value.
    public init(_ name: String, type: Int = 1, shape: [Extent]?) {
        self.name = name
        self.type = type
        self.shape = shape
    }
}
