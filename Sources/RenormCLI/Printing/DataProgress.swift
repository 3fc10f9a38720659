import Foundation
import Renorm
import Synchronization

/// Shows on standard error how far a list of pictures is, and what was left out of it.
final class DataProgress: Sendable {
    private let bar = Mutex(ProgressBar(descriptor: STDERR_FILENO))

    func observe(_ event: DataEvent) {
        bar.withLock { bar in
            switch event {
            case .listing(.found): break
            // A list that is made at once needs no line.
            case .listing(.read(let count, let total)) where count == total: bar.finish()
            case .listing(.read(let count, let total)):
                bar.update(completed: count, total: total, unit: "files", detail: "reading their headers")
            case .listed(let list):
                bar.finish()
                for warning in list.report.warnings { warn("warning: \(warning.visible)") }
                if !list.report.leftOut.isEmpty {
                    warn("\(list.name.visible): left out \(list.report.leftOut.visible).")
                }
                for problem in list.report.broken.first.prefix(10) { warn("  \(problem.message.visible)") }
            }
        }
    }
}
