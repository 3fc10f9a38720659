import Foundation
import Renorm

/// Shows what happens in a run.
protocol EventPrinter: Sendable {
    /// Shows an event.
    ///
    /// - Throws: `ReportingError` if it cannot be written.
    func print(_ event: TrainingEvent) throws(ReportingError)

    /// Leaves the terminal tidy before an error is shown.
    func close()
}
