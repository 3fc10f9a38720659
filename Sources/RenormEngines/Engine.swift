import Foundation
import RenormArrays
import RenormGraphs

/// Something that runs graphs: it compiles a graph once and then runs it as often as wanted on variables that it keeps
/// in its own memory.
///
///     let store = try engine.makeStore(graph.initialVariables(seed: 1))
///     let step = try engine.compile(graph)
///     let results = try step.run(["images": images, "labels": labels], step: 0, on: store)
public protocol Engine: Sendable {
    /// What a run records so that it can be repeated: name and version, threads, instruction set, algorithms.
    var description: EngineDescription { get }

    /// How well it computes with activations of bf16.
    var bf16Arithmetic: ArithmeticSupport { get }

    /// Takes the variables into the engine's own memory.
    func makeStore(_ variables: Variables) throws -> any Store

    /// Plans everything that can be planned before values are known.
    func compile(_ graph: Graph) throws -> any Executable
}

extension Engine {
    /// As well as with f32.
    public var bf16Arithmetic: ArithmeticSupport { .native }
}

/// How well an engine computes with values of a type on this processor.
public enum ArithmeticSupport: Sendable, Hashable {
    /// Not at all: `compile` throws.
    case none
    /// By instructions for another type, and slower than with that.
    case emulated
    /// By instructions for it.
    case native
}

/// What an engine is, as far as results can depend on it.
public struct EngineDescription: Sendable, Hashable, Codable {
    /// `onednn` or `reference`.
    public var name: String
    /// The version of what it computes with.
    public var version: String
    /// The number of threads.
    public var threads: Int
    /// The widest instruction set in use.
    public var instructionSet: String
    /// How convolutions are computed.
    public var convolution: ConvolutionAlgorithm

    /// Describes an engine.
    public init(
        name: String, version: String, threads: Int, instructionSet: String,
        convolution: ConvolutionAlgorithm = .direct
    ) {
        self.name = name
        self.version = version
        self.threads = threads
        self.instructionSet = instructionSet
        self.convolution = convolution
    }

    /// Reads what was encoded, also before there was a choice of algorithms: all convolutions were direct ones then.
    public init(from decoder: any Decoder) throws {
        let container = try decoder.container(keyedBy: CodingKeys.self)
        name = try container.value(.name)
        version = try container.value(.version)
        threads = try container.value(.threads)
        instructionSet = try container.value(.instructionSet)
        convolution = try container.optional(.convolution) ?? .direct
    }
}

/// Variables in an engine's memory, shared by any number of its executables.
public protocol Store: AnyObject, Sendable {
    /// Grows with every change of a value.
    var version: Int { get }

    /// The values as they are, in PyTorch's shapes.
    func read() throws -> Variables

    /// The value at a path.
    func read(_ path: String) throws -> NDArray

    /// Replaces the values of variables that the store has, and adds those it does not have.
    func write(_ variables: Variables) throws

    /// Gives variables that the store has the values that variables of another store of the engine have now. They stay in
    /// the engine's memory on the way.
    ///
    /// - Parameter origins: For the path of each variable that gets a value, the path in `source`.
    /// - Throws: `EngineError` for a store of another engine, a variable that is missing, or one of another shape; then nothing
    ///   is changed.
    func copy(_ origins: [String: String], from source: any Store) throws
}

/// A compiled graph, run with arrays in order; `GraphRunner` runs it by name. Runs of one executable or of several on one store
/// must not overlap in time.
public protocol Executable: AnyObject, Sendable {
    /// What to feed, in order.
    var inputs: [InputSpecification] { get }

    /// What a run gives, in order.
    var outputs: [OutputSpecification] { get }

    /// The variables it reads or updates.
    var variables: [VariableSpecification] { get }

    /// The planned peak of its own memory in bytes, variables not included.
    var plannedByteCount: Int { get }

    /// What the memory of a run is for, variables included.
    var plannedMemory: PlannedMemory { get }

    /// Runs the graph for a step. What it gives stays with the engine until `result` asks for it.
    ///
    /// - Parameters:
    ///   - feeds: One array for each input, in the order of `inputs`.
    ///   - step: The number of the step, which schedules and random draws depend on.
    ///   - store: The variables. They are updated if every guard is finite, else none of them.
    /// - Throws: `EngineError`; `.notFinite` names the first guard that is not finite.
    func run(_ feeds: [NDArray], step: Int, on store: any Store) throws

    /// A result of the last run, which has to have ended without an error. Only this array is copied to where the program can
    /// read it, if it lies elsewhere. It stays as it is when the graph is run again; if nobody holds it then, nothing is
    /// allocated.
    ///
    /// - Parameter index: The result's place in `outputs`.
    func result(_ index: Int) throws -> NDArray

    /// Agrees with a store, and with the executables that have done so before, on how its variables lie in memory, as the
    /// first run does. Of several that share variables each may have to follow another's choice, and then its sums round
    /// otherwise: preparing them in turn, twice, makes the first run what later ones are.
    ///
    /// - Throws: `EngineError` if the store lacks a variable.
    func prepare(on store: any Store) throws
}

extension Executable {
    /// Nothing to agree on.
    public func prepare(on store: any Store) throws {}
}

/// A result of a run.
public struct OutputSpecification: Sendable, Hashable {
    /// The name it was fetched as.
    public var name: String
    /// Its shape.
    public var shape: TensorShape
    /// Its type.
    public var type: ElementType

    /// Describes a result.
    public init(name: String, shape: TensorShape, type: ElementType) {
        self.name = name
        self.shape = shape
        self.type = type
    }
}

extension Executable {
    /// Runs the graph for a step with feeds by name, and reads all results.
    public func run(_ feeds: [String: NDArray] = [:], step: Int = 0, on store: any Store) throws -> [String:
        NDArray]
    {
        let ordered = try inputs.map { input in
            guard let feed = feeds[input.name] else {
                throw EngineError.missingFeed(name: input.name, given: feeds.keys.sorted())
            }
            return feed
        }
        try run(ordered, step: step, on: store)
        return Dictionary(
            try outputs.enumerated().map { ($1.name, try result($0)) }, uniquingKeysWith: { $1 })
    }

    /// Runs the graph for a step with feeds in order, and reads all results.
    package func run(
        _ feeds: [NDArray], step: Int, on store: any Store, into results: inout [NDArray]
    ) throws {
        try run(feeds, step: step, on: store)
        results = try outputs.indices.map(result)
    }

    /// Throws if values and results of a run do not fit into the machine's memory at all, before any is asked for.
    package func checkMemory() throws {
        let available = Int(clamping: ProcessInfo.processInfo.physicalMemory)
        let needed = outputs.reduce(plannedByteCount) {
            $0.saturatingSum($1.shape.elementCount.saturatingProduct($1.type.byteCount))
        }
        guard needed <= available else { throw EngineError.memory(needed: needed, available: available) }
    }

    /// Throws unless there is one feed of the right shape and type for each input, and each label is a class.
    ///
    /// - Parameter wider: Whether f64 is taken where the graph has a floating-point type.
    public func check(_ feeds: [NDArray], wider: Bool = false) throws {
        for (index, input) in inputs.enumerated() {
            guard index < feeds.count else { throw EngineError.missingFeed(name: input.name, given: []) }
            let feed = feeds[index]
            let isWider = wider && input.type.isFloatingPoint && feed.type == .f64
            guard feed.shape == input.shape, feed.type == input.type || isWider else {
                throw EngineError.feed(
                    name: input.name, found: "\(feed.type)\(feed.shape)",
                    expected: "\(input.type)\(input.shape)"
                )
            }
            guard let classes = input.classes else { continue }
            try feed.withValues(of: Int32.self) { labels in
                guard let wrong = labels.firstIndex(where: { $0 < 0 || Int($0) >= classes }) else { return }
                throw EngineError.label(index: wrong, found: Int(labels[wrong]), classes: classes)
            }
        }
    }
}

/// Why an engine cannot run a graph.
public enum EngineError: Error, Hashable, Sendable, CustomStringConvertible {
    /// Something that had to be finite was not; no variable was changed.
    case notFinite(path: String, step: Int)
    /// An input was not fed.
    case missingFeed(name: String, given: [String])
    /// An input was fed an array that does not fit.
    case feed(name: String, found: String, expected: String)
    /// The store lacks a variable, or it has another shape.
    case variable(path: String, found: String, expected: String)
    /// A store of another engine.
    case foreignStore(engine: String)
    /// A label that is no class.
    case label(index: Int, found: Int, classes: Int)
    /// A run that needs more memory than the machine has; both numbers in bytes.
    case memory(needed: Int, available: Int)
    /// The engine has no way to compute something.
    case unsupported(operation: String, path: String, reason: String)

    /// What was found and where, what was expected, and what to do.
    public var description: String {
        switch self {
        case .notFinite(let path, let step):
            return "Step \(step): '\(path)' is not finite (NaN or infinity); expected finite numbers. "
                + "Nothing was updated. Look at this batch's data, or lower the learning rate."
        case .missingFeed(let name, let given):
            return
                "The input '\(name)' was not fed (given: \(given.isEmpty ? "too few" : given.joined(separator: ", "))); "
                + "expected an array for every input. Feed it."
        case .feed(let name, let found, let expected):
            return "The input '\(name)' was fed \(found); expected \(expected). "
                + "Convert or reshape the array, or compile for its shape."
        case .variable(let path, let found, let expected):
            return "The variable '\(path)' is \(found) in the store; expected \(expected). "
                + "Use the store of the same model, or write the variable first."
        case .foreignStore(let engine):
            return "The store belongs to another engine; expected one made by \(engine). "
                + "Read its variables and make a store of them with this engine."
        case .label(let index, let found, let classes):
            return "Label \(found) of example \(index) of the batch; expected 0 to \(classes - 1). "
                + "Check the labels, or give the model more classes."
        case .memory(let needed, let available):
            func text(_ bytes: Int) -> String { "\(bytes >> 20) MiB" }
            return
                "A run needs \(text(needed)) of memory for its values; expected at most \(text(available)), which the "
                + "machine has. Use smaller batches or images, or a smaller network."
        case .unsupported(let operation, let path, let reason):
            return "\(operation)\(path.isEmpty ? "" : " at '\(path)'"): \(reason). "
                + "Change the layer's options, or use another engine."
        }
    }
}
