import RenormArrays
import RenormImages

extension Experiment {
    /// What the runs of an experiment are trained and measured on.
    public struct Data: Sendable {
        /// Trained on.
        public var training: Dataset
        /// Measured on, once, at the end of each run.
        public var measured: Dataset
        /// Measured on along the way, for the curves.
        public var alongTheWay: Dataset
        /// Those of `measured` on which batch statistics are tried.
        package let inBatches: Dataset
        package let scaling: InputScaling
        /// What nothing is trained on.
        private let heldOut: Dataset
        /// What the user should know of the data.
        package let warnings: [String]

        /// - Parameters:
        ///   - heldOut: The number of training examples that nothing is trained on: the curves' and, without `test`, those
        ///     that runs are measured on. Always the same ones.
        ///   - test: `nil` measures on the held-out examples.
        public init(training: Dataset, heldOut: Int, test: Dataset?) throws {
            let (kept, heldOut) = try training.split(validation: heldOut, seed: 0)
            self.training = kept
            measured = test ?? heldOut
            inBatches = Data.part(of: measured, 2560)
            alongTheWay = Data.part(of: heldOut, 1000)
            scaling = try InputScaling(of: kept)
            self.heldOut = heldOut
            warnings = training.warningsOfClasses + training.warningsOfHoldingOut(leaving: kept)
        }

        /// Says of a class that label blocks miss how many of its examples are held out.
        func explaining<Result>(_ body: () throws -> Result) throws -> Result {
            do {
                return try body()
            } catch ImagesError.classWithoutExamples(let name, 0) {
                throw ImagesError.classWithoutExamples(name: name, heldOut: heldOut.count(ofClass: name))
            }
        }

        /// Always the same examples: the first ones, or, where sources or classes follow one another, some from all over.
        private static func part(of dataset: Dataset, _ count: Int) -> Dataset {
            guard count < dataset.count else { return dataset }
            let isMixed = Set(dataset.labels.prefix(count)).count == Set(dataset.labels).count
            if dataset.sources.count == 1, isMixed { return dataset.subset(Array(0..<count)) }
            var random = Random(seed: 0, stream: "compared")
            return dataset.subset(random.permutation(dataset.count).prefix(count).sorted())
        }
    }
}
