import RenormArrays
import RenormGraphs

/// The meaning of every operation, executed: plain Swift loops on one thread, node by node in the graph's order. It is
/// the oracle that other engines are tested against, so each operation is computed in f64 and rounded once, to the
/// precision of its result.
///
///     let engine = ReferenceEngine(precision: .f64)
///     let store = try engine.makeStore(graph.initialVariables(seed: 1))
///     let results = try engine.compile(graph).run(["x": x], on: store)
///
/// With precision `.f64` every floating-point node is computed and kept in f64, whatever type the graph gives it: feeds
/// of f32 are widened, feeds of f64 are taken in their place, and results and variables come back as f64 (integers and
/// counters stay what they are).
public struct ReferenceEngine: Engine {
    /// The type that floating-point nodes are kept in between operations.
    public enum Precision: String, Hashable, Sendable, Codable, CaseIterable {
        /// What the graph says: rounding to 32 bits after every operation.
        case f32
        /// 64 bits throughout, for checks of gradients and identities.
        case f64

        /// The element type of floating-point values.
        var elementType: ElementType { self == .f32 ? .f32 : .f64 }
    }

    /// The type that floating-point nodes are kept in.
    public let precision: Precision

    /// Makes an engine.
    public init(precision: Precision = .f32) {
        self.precision = precision
    }

    /// `reference`, its precision, one thread.
    public var description: EngineDescription {
        EngineDescription(
            name: "reference", version: "1.0 (\(precision.rawValue))", threads: 1, instructionSet: "baseline")
    }

    /// Takes variables of any element type; shapes are kept as they are.
    public func makeStore(_ variables: Variables) throws -> any Store {
        ReferenceStore(variables, precision: precision)
    }

    /// Checks that every node can be computed and plans when each value is freed.
    ///
    /// - Throws: `EngineError.unsupported` for arithmetic on integers, and for nodes of f64 with precision `.f32`.
    public func compile(_ graph: Graph) throws -> any Executable {
        let pruned = graph.pruned()
        for node in pruned.nodes { try check(node, in: pruned) }
        return ReferenceExecutable(pruned, precision: precision)
    }

    private func check(_ node: Node, in graph: Graph) throws {
        if node.type == .f64 && precision == .f32 {
            throw EngineError.unsupported(
                operation: node.op.name, path: node.path,
                reason: "values of f64 need the reference engine with precision f64")
        }
        var types = node.inputs.map { graph[$0].type }
        switch node.op {
        case .input, .compare, .convert, .stopGradient, .barrier, .broadcast, .reshape, .transpose, .slice,
            .pad,
            .concatenate, .select:
            return
        case .softmaxCrossEntropy, .softmaxCrossEntropyGradient, .rightAnswers:
            types.remove(at: 1)
        default:
            break
        }
        if let integer = (types + [node.type]).first(where: { !$0.isFloatingPoint }) {
            throw EngineError.unsupported(
                operation: node.op.name, path: node.path,
                reason: "it is computed on floating-point values, not on \(integer)")
        }
    }
}

/// A floating-point type that the evaluation is instantiated for, inside this module: generic code called across
/// modules is many times slower.
protocol ReferenceReal: ArrayElement, BinaryFloatingPoint {}

extension Float: ReferenceReal {}
extension Double: ReferenceReal {}
