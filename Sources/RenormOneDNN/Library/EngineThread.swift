import Foundation

/// Work for the engine's thread.
package protocol EngineJob: AnyObject {
    /// Does it, on that thread.
    func perform()
}

/// The one thread of a process that enters parallel regions: an OpenMP runtime keeps a team of threads for every thread
/// that does, and two teams on the same cores slow each other down several times.
final class EngineThread: @unchecked Sendable {
    static let shared = EngineThread()

    private let mutex = NSLock()
    private let start = DispatchSemaphore(value: 0)
    private let end = DispatchSemaphore(value: 0)
    private var job: (any EngineJob)?
    private var isStarted = false
    private var setThreads: (@convention(c) (CInt) -> Void)?
    private var threads = 0

    /// Does a job on the thread, with teams of so many threads, and returns when it is done. Allocates nothing.
    func run(_ job: any EngineJob, threads: Int) {
        mutex.lock()
        defer { mutex.unlock() }
        if !isStarted { launch() }
        self.job = job
        if self.threads != threads {
            self.threads = threads
            needsThreads = true
        }
        start.signal()
        end.wait()
        self.job = nil
    }

    /// Runs a closure on the thread.
    func run<Result>(threads: Int, _ body: () throws -> Result) throws -> Result {
        try withoutActuallyEscaping(body) { body in
            let job = ClosureJob(body)
            run(job, threads: threads)
            return try job.result!.get()
        }
    }

    private var needsThreads = false

    private func launch() {
        isStarted = true
        let thread = Thread { [unowned self] in
            while true {
                start.wait()
                if needsThreads { applyThreads() }
                job?.perform()
                end.signal()
            }
        }
        thread.name = "renorm engine"
        // Code generation and teams of many threads need more than the default of a secondary thread.
        thread.stackSize = 16 << 20
        thread.start()
    }

    private func applyThreads() {
        needsThreads = false
        if setThreads == nil, let address = try? OneDNNLibrary.shared().address(of: "omp_set_num_threads") {
            setThreads = unsafeBitCast(address, to: (@convention(c) (CInt) -> Void).self)
        }
        setThreads?(CInt(threads))
    }
}

private final class ClosureJob<Value>: EngineJob {
    let body: () throws -> Value
    var result: Result<Value, any Error>?

    init(_ body: @escaping () throws -> Value) { self.body = body }

    func perform() { result = Result { try body() } }
}
