import RenormLayers

extension Experiment {
    /// What is compared with others: a normalization, a network, a way of training.
    public struct Contender: Sendable {
        /// What it is called.
        public var name: String
        /// What tells it from others in results: it has to say everything that is its own.
        public var text: String
        /// Makes a run its own.
        public var change: @Sendable (inout Recipe) throws -> Void

        /// A contender that changes what it likes.
        ///
        /// - Parameter text: Its name unless given.
        public init(
            _ name: String, text: String? = nil, change: @escaping @Sendable (inout Recipe) throws -> Void
        ) {
            self.name = name
            self.text = text ?? name
            self.change = change
        }

        /// The experiment's network with this normalization, over the setting's groups of examples unless it has groups
        /// of its own.
        public init(_ name: String, text: String? = nil, normalization: Normalization) {
            self.init(name, text: text) { recipe in
                var normalization = normalization
                let setting = recipe.setting
                if normalization.examples == nil, setting.examples != setting.batchSize {
                    normalization.examples = setting.examples
                }
                recipe.architecture.normalization = normalization
            }
        }

        /// A network of one's own.
        public init(_ name: String, text: String? = nil, layer: any Layer) {
            self.init(name, text: text) { $0.layer = layer }
        }
    }
}
