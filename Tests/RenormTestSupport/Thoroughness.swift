import Foundation

/// Whether checks that only repeat others, at larger sizes or with more seeds, run too: `make test-all` asks for them.
public let testsAreThorough = ProcessInfo.processInfo.environment["RENORM_TESTS"] == "all"

extension Array {
    /// All elements in `make test-all`, each `stride`th from the first on in `make test`.
    public func sampled(every stride: Int) -> [Element] {
        testsAreThorough ? self : Swift.stride(from: 0, to: count, by: stride).map { self[$0] }
    }
}
