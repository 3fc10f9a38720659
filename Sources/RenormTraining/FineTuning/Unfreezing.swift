import RenormArrays
import RenormLayers

/// Which parts of a network a run trains, and from when on: gradual unfreezing (Howard & Ruder 2018).
///
///     let unfreezing = Unfreezing([
///         .init(.head, for: .epochs(1)), .init(.last(3), for: .steps(200)), .init(.all),
///     ])
///
/// A run goes from stage to stage. What is once trained goes on being trained, so each stage adds its parts to those before.
/// All the rest is what it was, to the bit, parameters and statistics, and no backward pass is made of it. A function of the
/// number of the step, so a run that goes on finds its stage again. What the model's own overrides freeze stays frozen in every
/// stage; the model that is saved knows nothing of stages.
public struct Unfreezing: Sendable, Hashable {
    /// Parts of a network.
    public enum Parts: Sendable, Hashable {
        /// The layer that tells the classes apart, those of auxiliary classifiers among them.
        case head
        /// So many of the last units (`Model.units()`).
        case last(Int)
        /// Everything.
        case all
        /// The layers and variables whose paths match one of these.
        case matching([PathPattern])
    }

    /// How long a stage lasts.
    public enum Duration: Sendable, Hashable {
        /// So many epochs.
        case epochs(Int)
        /// So many steps.
        case steps(Int)
    }

    /// A stretch of a run in which the same is trained.
    public struct Stage: Sendable, Hashable {
        /// What is trained from here on.
        public var parts: Parts
        /// How long it lasts; `nil`: to the end of the run.
        public var duration: Duration?

        /// Describes a stage.
        public init(_ parts: Parts, for duration: Duration? = nil) {
            self.parts = parts
            self.duration = duration
        }
    }

    /// The stages in order. Each but the last has a duration.
    public var stages: [Stage]

    /// Describes stages.
    public init(_ stages: [Stage]) { self.stages = stages }

    /// Everything is trained from the first step on.
    public static let all = Unfreezing([Stage(.all)])

    /// The step, from 0, with which each stage begins.
    public func firstSteps(stepsPerEpoch: Int) -> [Int] {
        var next = 0
        return stages.map { stage in
            defer {
                switch stage.duration {
                case .epochs(let epochs)?:
                    next = next.saturatingSum(epochs.saturatingProduct(stepsPerEpoch))
                case .steps(let steps)?: next = next.saturatingSum(steps)
                case nil: next = .max
                }
            }
            return next
        }
    }
}

extension Unfreezing: Checkable {
    /// What is wrong with the stages, but for what depends on the network.
    package var fault: Fault? {
        func fault(_ found: String, _ expected: String) -> Fault {
            Fault(of: "unfreezing", found, expected)
        }
        guard let last = stages.last else { return fault("no stages", "at least one, such as all") }
        for stage in stages.dropLast() where stage.duration == nil {
            return fault(
                "'\(stage)' before another stage", "how long it lasts, such as '\(stage) for 1 epoch'")
        }
        if last.duration != nil {
            return fault(
                "'\(last)' as the last stage",
                "a last stage that goes to the end, such as '\(last.parts)' or another after it")
        }
        return stages.lazy.compactMap(\.fault).first
    }
}

extension Unfreezing.Stage {
    fileprivate var fault: Fault? {
        func count(_ name: String, _ found: Int) -> Fault? {
            Fault(
                of: "unfreezing", "\(found) \(name) in '\(self)'", "1 to \(TrainingLimits.steps)",
                unless: (1...TrainingLimits.steps).contains(found))
        }
        let ofDuration: Fault? =
            switch duration {
            case .epochs(let epochs)?: count("epochs", epochs)
            case .steps(let steps)?: count("steps", steps)
            case nil: nil
            }
        let ofParts: Fault? =
            switch parts {
            case .last(let units): count("units", units)
            case .matching(let patterns):
                Fault(
                    of: "unfreezing", "a stage without a path", "at least one",
                    unless: !patterns.isEmpty && patterns.allSatisfy { !$0.description.isEmpty })
            case .head, .all: nil
            }
        return ofDuration ?? ofParts
    }
}
