import RenormImages

extension Experiment {
    /// How batches are made: their order, their size, and how many examples are normalized together.
    public struct Setting: Sendable {
        /// What it is called.
        public var name: String
        /// What tells it from others in results: it has to say everything that is its own.
        public var text: String
        /// The order of examples.
        public var sampling: Sampling
        /// Examples of a batch.
        public var batchSize: Int
        /// Examples normalized together; label blocks are drawn in groups of this size, too.
        public var examples: Int
        /// Makes a run its own, before the contender does.
        public var change: @Sendable (inout Recipe) throws -> Void

        /// Makes a setting.
        ///
        /// - Parameters:
        ///   - text: Its name unless given.
        ///   - examples: The whole batch unless given.
        public init(
            _ name: String, text: String? = nil, sampling: Sampling, batchSize: Int, examples: Int? = nil,
            change: @escaping @Sendable (inout Recipe) throws -> Void = { _ in }
        ) {
            self.name = name
            self.text = text ?? name
            self.sampling = sampling
            self.batchSize = batchSize
            self.examples = examples ?? batchSize
            self.change = change
        }
    }
}
