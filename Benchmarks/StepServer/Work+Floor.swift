import MachineLimits
import Renorm
import Serving

extension Work {
    /// What a step cannot be faster than on this machine.
    struct FloorReport: Encodable {
        /// The sum of the next two.
        var milliseconds: Double
        /// Convolutions, products and pooling by themselves, each convolution as it is computed the fastest.
        var computeMilliseconds: Double
        /// All other bytes at the speed of copying.
        var movingMilliseconds: Double
        var movedBytes: Int
        /// Read and written, measured now.
        var copyBytesPerSecond: Double
        /// Of convolutions and products of matrices in a step.
        var operations: Double
        /// What the processor can do at most, measured now.
        var peakOperationsPerSecond: Double
    }

    /// The floor, from so many steps.
    func floor(_ steps: Int) throws -> (any Encodable)? {
        guard let executable = executable as? OneDNNExecutable else {
            throw OptionError("another engine", expected: "oneDNN's")
        }
        let floor = executable.floor
        let threads = Int32(facts.threads)
        let compute = try 1000 * secondsOfCompute(steps)
        let copying = limits_copy_bandwidth(max(4 * limits_last_level_cache(), 128 << 20), threads, 3)
        let moving = 1000 * Double(floor.movedByteCount) / copying
        return FloorReport(
            milliseconds: compute + moving, computeMilliseconds: compute, movingMilliseconds: moving,
            movedBytes: floor.movedByteCount, copyBytesPerSecond: copying, operations: floor.operationCount,
            peakOperationsPerSecond: limits_peak_operations(threads, 3))
    }

    /// The step with all convolutions computed in one way, on variables of its own.
    struct Rival {
        var executable: OneDNNExecutable
        var store: any Store
    }

    /// The seconds that a step's compute takes where each convolution is computed in whichever way is the faster, as
    /// measured now in so many steps.
    private func secondsOfCompute(_ steps: Int) throws -> Double {
        let rivals = try self.rivals ?? makeRivals()
        self.rivals = rivals
        var measured = rivals.map { _ in ComputeTimes() }
        for step in 0..<steps {
            for (index, rival) in rivals.enumerated() {
                try rival.executable.run(feeds, step: step, on: rival.store)
                measured[index].add(try rival.executable.timesOfCompute() ?? [])
            }
        }
        return ComputeTimes.least(of: measured) / Double(steps)
    }

    /// All directly, and all by Winograd's algorithm where that has anything to compute.
    private func makeRivals() throws -> [Rival] {
        let rivals = try [ConvolutionAlgorithm.direct, .winograd].map { algorithm in
            let engine = try OneDNNEngine(threads: facts.threads, convolution: algorithm)
            return Rival(
                executable: try engine.compile(graph) as! OneDNNExecutable,
                store: try engine.makeStore(store.read()))
        }
        func names(_ index: Int) -> [String] { rivals[index].executable.measurements.map(\.name) }
        return names(0) == names(1) ? [rivals[0]] : rivals
    }
}
