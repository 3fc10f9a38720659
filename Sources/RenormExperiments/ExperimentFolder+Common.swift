import RenormGraphs
import RenormLayers
import RenormTraining

extension ExperimentFolder {
    /// What all runs of an experiment share.
    public struct Common: Sendable, Hashable, Codable {
        /// The network.
        public var model: String
        /// The steps of every run.
        public var steps: Int
        /// The learning rate at the start.
        public var learningRate: Double
        /// The weight decay.
        public var weightDecay: Double
        /// What they are trained on.
        public var data: String
        /// The number of examples trained on.
        public var trainingExamples: Int
        /// What they are measured on.
        public var measuredOn: String
        /// A number that other training images would almost surely not have.
        public var fingerprint: String
        /// The same of what they are measured on; `nil` in folders of earlier versions.
        public var measuredFingerprint: String?
        /// How images enter the network; `nil` where it does not matter.
        public var stem: Stem?
        /// The number of classes where the labels do not say it; `nil` where they do.
        public var classes: Int?
        /// The constants of gains that tune themselves.
        public var gains: MomentFilter
        /// Counts changes after which a run's results are others: 4 since automatic limits
        /// widen from step 500 on.
        public var revision: Int

        /// Describes an experiment.
        public init(_ experiment: Experiment, _ data: Experiment.Data) {
            model = experiment.model
            steps = experiment.steps
            learningRate = experiment.learningRate
            weightDecay = experiment.weightDecay
            self.data = data.training.name
            trainingExamples = data.training.count
            measuredOn = "\(data.measured.name), \(data.measured.count) examples"
            fingerprint = data.training.fingerprintText
            measuredFingerprint = data.measured.fingerprintText
            stem = experiment.description == nil && Networks.hasStem(experiment.model) ? experiment.stem : nil
            classes = data.training.classCounts.last == 0 ? data.training.classCount : nil
            gains = MomentFilter()
            revision = 4
        }

        /// What is not the same.
        func differences(fromSaved saved: Common) -> [ConfigurationDifference] {
            var result: [ConfigurationDifference] = []
            func add<Value>(_ name: String, _ value: (Common) -> Value) {
                let (before, now) = ("\(value(saved))", "\(value(self))")
                if before != now {
                    result.append(ConfigurationDifference(option: name, saved: before, given: now))
                }
            }
            add("model") { $0.model }
            add("steps") { $0.steps }
            add("learning rate") { $0.learningRate }
            add("weight decay") { $0.weightDecay }
            add("data") { $0.data }
            add("training examples") { $0.trainingExamples }
            add("measured on") { $0.measuredOn }
            add("training images of fingerprint") { $0.fingerprint }
            add("measured images of fingerprint") { $0.measuredFingerprint ?? "unknown" }
            add("stem") { $0.stem?.rawValue ?? "none" }
            add("classes") { $0.classes.map(String.init) ?? "as labelled" }
            add("constants of gains") { $0.gains }
            add("Renorm's revision") { $0.revision }
            return result
        }
    }
}
