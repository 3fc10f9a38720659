import RenormKernels

/// The teams of threads on which our passes run, one for each number of threads. They join oneDNN's own runtime where it
/// is GNU's OpenMP. Used on the engine's thread only.
enum Teams {
    nonisolated(unsafe) private static var teams: [Int: OpaquePointer] = [:]

    /// The team of so many threads, kept for the life of the process.
    static func team(_ threads: Int, _ library: OneDNNLibrary) throws -> OpaquePointer {
        if let known = teams[threads] { return known }
        guard
            let team = renorm_team_create(
                Int32(threads), library.address(of: "GOMP_parallel"),
                library.address(of: "omp_get_thread_num"), library.address(of: "omp_get_num_threads"))
        else { throw OneDNNError.status(code: 1, doing: "starting \(threads) threads") }
        teams[threads] = team
        return team
    }
}
