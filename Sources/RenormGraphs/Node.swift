import RenormArrays

/// The place of a node in its graph.
public struct NodeID: Hashable, Sendable, Comparable, CustomStringConvertible {
    /// The index in `Graph.nodes`.
    public let index: Int

    /// Makes the identifier of the node at `index`.
    public init(_ index: Int) { self.index = index }

    /// Earlier nodes are smaller.
    public static func < (left: NodeID, right: NodeID) -> Bool { left.index < right.index }

    /// The node as the printed graph names it.
    public var description: String { "%\(index)" }
}

/// The part a node plays in its layer, by which a diagnosis finds it.
public enum Role: String, Hashable, Sendable {
    /// Something on the way.
    case inner
    /// What the layer was given.
    case input
    /// Batch moments.
    case moments
    /// The normalized values.
    case normalized
    /// What the layer gives.
    case output
    /// Part of a backward pass.
    case gradient
    /// Part of an update.
    case update
}

/// One computation of a graph: an operation on earlier nodes, with the shape and type of its result.
public struct Node: Sendable, Hashable {
    /// What is computed.
    public var op: Op
    /// The operands.
    public var inputs: [NodeID]
    /// The shape of the result.
    public var shape: TensorShape
    /// The type of the result's elements.
    public var type: ElementType
    /// The layer it belongs to, such as `layer1.0.bn1`.
    public var path: String
    /// Its part in that layer.
    public var role: Role

    /// Makes a node.
    public init(
        op: Op, inputs: [NodeID], shape: TensorShape, type: ElementType, path: String = "",
        role: Role = .inner
    ) {
        self.op = op
        self.inputs = inputs
        self.shape = shape
        self.type = type
        self.path = path
        self.role = role
    }
}
