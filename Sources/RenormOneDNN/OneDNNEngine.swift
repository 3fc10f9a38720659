import Foundation
import RenormEngines
import RenormGraphs
import RenormKernels

/// The fast CPU engine: convolutions, pooling and products of matrices by oneDNN, everything else by fused passes of
/// ours, in f32.
///
///     let engine = try OneDNNEngine(threads: 2)
///     let store = try engine.makeStore(graph.initialVariables(seed: 1))
///     let step = try engine.compile(graph)
///     let results = try step.run(["images": images, "labels": labels], step: 0, on: store)
public final class OneDNNEngine: Engine {
    /// The number of threads that share the work.
    public let threads: Int
    /// How convolutions are computed.
    public let convolution: ConvolutionAlgorithm
    /// Whether operations share passes over memory; without, each is computed for itself, as tests want it.
    package let isFused: Bool

    private let library: OneDNNLibrary

    /// The most threads that an engine takes.
    public static let mostThreads = 1024

    /// Opens oneDNN.
    ///
    /// - Parameters:
    ///   - threads: How many threads share the work; by default as many as the machine has cores. More than that make each
    ///     other wait: 64 on 2 cores take 70 times as long as 2.
    ///   - convolution: How convolutions are computed.
    /// - Throws: `OneDNNError` where oneDNN is absent, too old or not usable, or where there cannot be so many threads.
    public convenience init(threads: Int? = nil, convolution: ConvolutionAlgorithm = .auto) throws {
        try self.init(threads: threads, convolution: convolution, isFused: true)
    }

    /// Opens oneDNN, with fusing switched on or off.
    package init(
        threads: Int? = nil, convolution: ConvolutionAlgorithm = .auto, isFused: Bool
    ) throws {
        let cores = ProcessInfo.processInfo.activeProcessorCount
        self.threads = max(threads ?? cores, 1)
        self.convolution = convolution
        self.isFused = isFused
        guard self.threads <= OneDNNEngine.mostThreads else {
            throw OneDNNError.threads(found: self.threads, most: OneDNNEngine.mostThreads)
        }
        // A runtime that gets fewer threads than it asks for ends the process.
        if self.threads > cores {
            let possible = Int(renorm_threads_that_start(Int32(self.threads)))
            guard possible == self.threads else {
                throw OneDNNError.threads(found: self.threads, most: possible)
            }
        }
        library = try OneDNNLibrary.shared()
    }

    /// What a run records: results are bit-equal where all of it is equal.
    public var description: EngineDescription {
        EngineDescription(
            name: "onednn", version: library.version, threads: threads,
            instructionSet: "\(library.instructionSet), \(String(cString: renorm_instructions_name()))",
            convolution: convolution)
    }

    /// Takes variables into the engine's memory.
    public func makeStore(_ variables: Variables) throws -> any Store {
        try OneDNNStore(variables, library: library, threads: threads)
    }

    /// Whether activations may be bf16 on this processor.
    package var multipliesBF16: Bool { library.multipliesBF16 }

    /// Native where the processor has instructions for it; on others with AVX-512 it is emulated, by our own conversions or oneDNN's.
    public var bf16Arithmetic: ArithmeticSupport {
        !library.multipliesBF16 ? .none : library.hasBF16Instructions ? .native : .emulated
    }

    /// Plans passes, layouts, order and memory.
    ///
    /// - Throws: `EngineError.unsupported` for activations of bf16 on a processor without AVX-512, which multiplies
    ///   none.
    public func compile(_ graph: Graph) throws -> any Executable {
        if let node = graph.nodes.first(where: { $0.type == .bf16 }), !library.multipliesBF16 {
            throw EngineError.unsupported(
                operation: node.op.name, path: node.path,
                reason: "this processor (\(library.instructionSet)) has no bf16 arithmetic; use precision f32"
            )
        }
        return try OneDNNExecutable(
            graph, library: library,
            options: PlanningOptions(threads: threads, convolution: convolution, isFused: isFused))
    }
}
