import Foundation
import Renorm

/// Does what no reader may do, so that a test can see that it is found.
struct FailingReader: Reader {
    enum Failure: String, CaseIterable {
        case crash, hang, memory
    }

    let failure: Failure

    var name: String { "failing-\(failure.rawValue)" }

    func write(_ random: inout Random, from seeds: Seeds, to folder: URL) throws {
        try Array(failure.rawValue.utf8).write(to: folder, "failure")
    }

    func read(_ folder: URL) async throws {
        switch failure {
        case .crash: fatalError("as it should be")
        case .hang: while getpid() > 0 {}
        case .memory:
            var pieces: [[UInt8]] = []
            while getpid() > 0 { pieces.append([UInt8](repeating: 1, count: 1 << 20)) }
            print(pieces.count)
        }
    }
}
