import RenormArrays
import RenormEngines
import RenormOneDNN

/// The engines that can be asked for by name. A package of your own adds its engine here:
///
///     Engines.table.register("mine", Engines.Row(usesThreads: false) { _ in MyEngine() })
public enum Engines {
    /// What an engine can be asked for; each takes what means something to it.
    public struct Options: Sendable, Hashable {
        /// The number of threads; `nil` for as many as it chooses.
        public var threads: Int?
        /// How convolutions are computed.
        public var convolution: ConvolutionAlgorithm

        /// Makes options.
        public init(threads: Int? = nil, convolution: ConvolutionAlgorithm = .auto) {
            self.threads = threads
            self.convolution = convolution
        }
    }

    /// A row of the table: how an engine is made.
    public struct Row: Sendable {
        /// Whether the number of threads means anything to it.
        public var usesThreads: Bool
        /// Whether it computes convolutions by another algorithm where that is asked for. One that does not computes them directly.
        public var choosesConvolutions: Bool
        /// Makes the engine.
        public var make: @Sendable (Options) throws -> any Engine

        /// Describes an engine.
        public init(
            usesThreads: Bool, choosesConvolutions: Bool = false,
            make: @escaping @Sendable (Options) throws -> any Engine
        ) {
            self.usesThreads = usesThreads
            self.choosesConvolutions = choosesConvolutions
            self.make = make
        }
    }

    /// The table: `onednn`, the fast one, and `reference`, plain loops and the measure of correctness.
    public static let table: Registry<Row> = {
        let table = Registry<Row>(of: "engine")
        table.register(
            "onednn",
            Row(usesThreads: true, choosesConvolutions: true) {
                try OneDNNEngine(threads: $0.threads, convolution: $0.convolution)
            })
        table.register("reference", Row(usesThreads: false) { _ in ReferenceEngine() })
        return table
    }()
}
