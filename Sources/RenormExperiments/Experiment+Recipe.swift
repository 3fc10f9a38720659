import RenormLayers
import RenormTraining

extension Experiment {
    /// What one run trains, and how. Settings and contenders change it; what they leave alone is the same for all runs.
    public struct Recipe: Sendable {
        /// The setting of the run.
        public let setting: Setting
        /// The network, its normalization among the rest.
        public var architecture: Architecture
        /// A network of one's own, which takes the architecture's place.
        public var layer: (any Layer)?
        /// Length, batches, optimizer and everything else that training depends on.
        public var configuration: TrainingConfiguration

        package init(setting: Setting, architecture: Architecture, configuration: TrainingConfiguration) {
            self.setting = setting
            self.architecture = architecture
            self.configuration = configuration
        }

        /// The network with initial values by the run's seed.
        func model() throws -> Model {
            try Model(
                layer ?? architecture.makeLayer(), input: architecture.input, seed: configuration.seed)
        }
    }
}
