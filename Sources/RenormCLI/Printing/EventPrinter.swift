import Foundation
import Renorm

/// Shows what happens in a run.
protocol EventPrinter: Sendable {
    /// Shows an event.
    func print(_ event: TrainingEvent)

    /// Leaves the terminal tidy before an error is shown.
    func close()
}
