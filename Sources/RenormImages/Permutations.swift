import RenormArrays
import Synchronization

/// Of each stream the permutation of the epoch asked for last: drawing one takes milliseconds, a batch microseconds.
final class Permutations: Sendable {
    /// What is drawn in a random order.
    enum Stream: Hashable {
        case examples
        case source(Int)
        case classes
        case `class`(Int)

        /// What the draws depend on.
        var name: String {
            switch self {
            case .examples: "shuffle"
            case .source(let number): "source \(number)"
            case .classes: "order of classes"
            case .class(let number): "class \(number)"
            }
        }
    }

    private let last = Mutex<[Stream: (epoch: Int, order: [Int])]>([:])

    func of<Result>(
        _ stream: Stream, epoch: Int, count: Int, seed: UInt64, _ body: ([Int]) -> Result
    ) -> Result where Result: Sendable {
        last.withLock { last in
            if let known = last[stream], known.epoch == epoch { return body(known.order) }
            var random = Random(seed: seed, stream: stream.name, counter: epoch)
            let order = random.permutation(count)
            last[stream] = (epoch, order)
            return body(order)
        }
    }
}
