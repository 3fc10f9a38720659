import ArgumentParser
import Foundation
import Renorm

extension Stem: ExpressibleByArgument {}

extension Precision: ExpressibleByArgument {}

extension MemoryUse: ExpressibleByArgument {}

extension Augmentation: ExpressibleByArgument {}

extension Phase.Statistics: ExpressibleByArgument {}

/// What computes.
enum EngineChoice: String, ExpressibleByArgument, CaseIterable {
    case onednn, reference

    /// The engine with this many threads; `nil` for one a core. More than cores are warned of.
    func makeEngine(threads: Int?) throws -> any Engine {
        let cores = ProcessInfo.processInfo.activeProcessorCount
        switch self {
        case .onednn:
            let engine = try OneDNNEngine(threads: threads)
            if engine.threads > cores {
                warn(
                    "warning: --threads: found \(engine.threads) on \(cores) core\(cores == 1 ? "" : "s"); threads that "
                        + "share a core wait for one another, and training may take many times as long")
            }
            return engine
        case .reference: return ReferenceEngine()
        }
    }
}

enum OptimizerChoice: String, ExpressibleByArgument, CaseIterable {
    case sgd, adamw, rmsprop
}

enum ScheduleChoice: String, ExpressibleByArgument, CaseIterable {
    case constant, cosine
}

enum LogFormat: String, ExpressibleByArgument, CaseIterable {
    case human, json
}

enum NonFiniteChoice: String, ExpressibleByArgument, CaseIterable {
    case stop, skip
}

/// A finite number: "nan", "inf" and what is no number at all are refused.
struct FiniteNumber: ExpressibleByArgument, CustomStringConvertible {
    var value: Double

    init(_ value: Double) { self.value = value }

    init?(argument: String) {
        guard let value = Double(argument), value.isFinite else { return nil }
        self.value = value
    }

    var description: String { "\(value)" }

    var defaultValueDescription: String { "\(value)" }
}
