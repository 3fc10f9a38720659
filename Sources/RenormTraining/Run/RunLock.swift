import Foundation

#if canImport(Darwin)
    import Darwin
#else
    import Glibc
#endif

/// Keeps a second run or comparison out of a folder while one is under way there. The system lets go of it when the process ends,
/// however it ends.
package final class RunLock {
    private var descriptor: Int32

    /// - Throws: `TrainingError.inUse` if another run has it. File systems that know no locks are used without one.
    package init(_ folder: URL) throws {
        descriptor = open(folder.path, O_RDONLY | O_DIRECTORY | O_CLOEXEC)
        if descriptor >= 0, flock(descriptor, LOCK_EX | LOCK_NB) != 0, errno == EWOULDBLOCK {
            release()
            throw TrainingError.inUse(folder: folder.path)
        }
    }

    deinit { release() }

    func release() {
        if descriptor >= 0 { close(descriptor) }
        descriptor = -1
    }
}
