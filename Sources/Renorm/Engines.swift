import RenormArrays
import RenormEngines
import RenormOneDNN

/// The engines that can be asked for by name. A package of your own adds its engine here:
///
///     Engines.table.register("mine", Engines.Row(usesThreads: false) { _ in MyEngine() })
public enum Engines {
    /// A row of the table: how an engine is made.
    public struct Row: Sendable {
        /// Whether the number of threads means anything to it.
        public var usesThreads: Bool
        /// Makes the engine with so many threads; `nil` for as many as it chooses.
        public var make: @Sendable (_ threads: Int?) throws -> any Engine

        /// Describes an engine.
        public init(usesThreads: Bool, make: @escaping @Sendable (_ threads: Int?) throws -> any Engine) {
            self.usesThreads = usesThreads
            self.make = make
        }
    }

    /// The table: `onednn`, the fast one, and `reference`, plain loops and the measure of correctness.
    public static let table: Registry<Row> = {
        let table = Registry<Row>(of: "engine")
        table.register("onednn", Row(usesThreads: true) { try OneDNNEngine(threads: $0) })
        table.register("reference", Row(usesThreads: false) { _ in ReferenceEngine() })
        return table
    }()
}
