import Foundation
import Renorm
import Synchronization

/// Shows on standard error what the doctor is at.
final class DoctorProgress: Sendable {
    private let bar = Mutex(ProgressBar(descriptor: STDERR_FILENO))

    func observe(_ stage: DoctorStage) {
        let all = DoctorStage.allCases
        bar.withLock {
            $0.update(
                completed: all.firstIndex(of: stage)!, total: all.count, unit: "stages",
                detail: stage.rawValue)
        }
    }

    func finish() { bar.withLock { $0.finish() } }
}
