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

/// The part of a step that a node was made for. Rewrites decide by it: differentiation makes the backward part, and a copy
/// that it reads in place of the forward part's node belongs to it too.
public enum Part: String, Hashable, Sendable {
    /// What inference computes too, and sources of any kind.
    case forward
    /// What differentiation made, and what is computed again for it.
    case backward
    /// New values of variables.
    case update
}

/// What a node is in its layer, for readers of the graph and for taps; nothing that is computed depends on it.
public enum Role: String, Hashable, Sendable {
    /// Something on the way.
    case inner
    /// What the network was given.
    case input
    /// Batch moments.
    case moments
    /// The normalized values: what a normalization gives.
    case normalized
    /// What any other layer gives, or a function called between layers.
    case output
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
    /// What it is in that layer.
    public var role: Role
    /// The part of a step that it was made for.
    public var part: Part

    /// Makes a node.
    public init(
        op: Op, inputs: [NodeID], shape: TensorShape, type: ElementType, path: String = "",
        role: Role = .inner, part: Part = .forward
    ) {
        self.op = op
        self.inputs = inputs
        self.shape = shape
        self.type = type
        self.path = path
        self.role = role
        self.part = part
    }
}
