import RenormKernels
import RenormOneDNN
import Testing

/// Numbers of threads that no machine gives are refused, and not left to the runtime, which would end the process.
@Suite(.enabled(if: (try? OneDNNEngine(threads: 1)) != nil, "oneDNN is not installed"))
struct ThreadsTests {
    @Test(arguments: [OneDNNEngine.mostThreads + 1, 100_000, Int.max])
    func tooManyThreadsAreAnError(threads: Int) {
        let error = #expect(throws: OneDNNError.self) { try OneDNNEngine(threads: threads) }
        #expect(error == .threads(found: threads, most: OneDNNEngine.mostThreads))
        #expect(
            error?.description.hasPrefix("\(threads) threads were asked for; expected 1 to 1024. ") == true)
    }

    @Test func whatTheSystemGivesIsCounted() throws {
        #expect(renorm_threads_that_start(1) == 1)
        #expect(renorm_threads_that_start(9) == 9)
        #expect(try OneDNNEngine(threads: 9).threads == 9)
    }
}
