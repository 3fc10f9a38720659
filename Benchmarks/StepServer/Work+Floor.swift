import MachineLimits
import Renorm
import Serving

extension Work {
    /// What a step cannot be faster than on this machine.
    struct FloorReport: Encodable {
        /// The sum of the next two.
        var milliseconds: Double
        /// oneDNN's convolutions, products and pooling by themselves.
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
        var seconds = 0.0
        for _ in 0..<steps {
            _ = try run(1)
            seconds += try executable.secondsOfCompute() ?? 0
        }
        let floor = executable.floor
        let threads = Int32(facts.threads)
        let copying = limits_copy_bandwidth(max(4 * limits_last_level_cache(), 128 << 20), threads, 3)
        let compute = 1000 * seconds / Double(steps)
        let moving = 1000 * Double(floor.movedByteCount) / copying
        return FloorReport(
            milliseconds: compute + moving, computeMilliseconds: compute, movingMilliseconds: moving,
            movedBytes: floor.movedByteCount, copyBytesPerSecond: copying, operations: floor.operationCount,
            peakOperationsPerSecond: limits_peak_operations(threads, 3))
    }
}
