import Foundation
import RenormArrays

/// Items that several threads work on, and whose results the calling thread takes as they come.
///
/// What takes the results runs on the calling thread alone, so it may change what it likes; it may also give more items.
final class ParallelWork<Item: Sendable, Result: Sendable>: @unchecked Sendable {
    private let condition = NSCondition()
    // All guarded by `condition`.
    private var waiting: [Item]
    private var done: [Result] = []
    private var underWay = 0
    private var threads = 0
    private var failure: (any Error)?
    private var isStopped = false

    private init(_ items: [Item]) { waiting = items.reversed() }

    /// Works on all items and on those that `take` returns, and comes back when no thread is left.
    ///
    /// - Parameters:
    ///   - body: what is done to an item, on one of the threads.
    ///   - take: what becomes of a result.
    ///   - poll: called about ten times a second meanwhile; what it throws ends the work.
    /// - Throws: the first error of any of the three.
    static func run(
        _ items: [Item], threads: Int, named name: String, poll: () throws -> Void,
        take: (Result) throws -> [Item], body: @escaping @Sendable (Item) throws -> Result
    ) throws {
        precondition(threads > 0, "\(threads) threads")
        let work = ParallelWork(items)
        work.threads = threads
        for _ in 0..<threads { startThread(named: name) { work.produce(body) } }
        try work.consume(poll: poll, take: take)
    }

    private func consume(poll: () throws -> Void, take: (Result) throws -> [Item]) throws {
        var nextPoll = Date()
        condition.lock()
        while true {
            let results = done
            done.removeAll(keepingCapacity: true)
            let isFinished =
                waiting.isEmpty && underWay == 0 && results.isEmpty || failure != nil || isStopped
            if isFinished { break }
            condition.unlock()
            var more: [Item] = []
            var thrown: (any Error)?
            do {
                for result in results { more += try take(result) }
                if Date() >= nextPoll {
                    try poll()
                    nextPoll = Date(timeIntervalSinceNow: 0.1)
                }
            } catch {
                thrown = error
            }
            condition.lock()
            waiting += more.reversed()
            if let thrown, failure == nil { failure = thrown }
            if !more.isEmpty { condition.broadcast() }
            if done.isEmpty, failure == nil, !(waiting.isEmpty && underWay == 0) {
                _ = condition.wait(until: nextPoll)
            }
        }
        isStopped = true
        condition.broadcast()
        while threads > 0 { condition.wait() }
        let failure = failure
        condition.unlock()
        if let failure { throw failure }
    }

    private func produce(_ body: (Item) throws -> Result) {
        condition.lock()
        while !isStopped, failure == nil {
            guard let item = waiting.popLast() else {
                condition.wait()
                continue
            }
            underWay += 1
            condition.unlock()
            let result = Swift.Result { try body(item) }
            condition.lock()
            underWay -= 1
            switch result {
            case .success(let result): done.append(result)
            case .failure(let error): if failure == nil { failure = error }
            }
            condition.broadcast()
        }
        threads -= 1
        condition.broadcast()
        condition.unlock()
    }
}
