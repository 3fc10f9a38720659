import Foundation
import RenormArrays
import RenormEngines
import RenormGraphs
import RenormOneDNN

/// The three ways of computing one convolution, in turns on the same numbers.
final class Comparison {
    static let columns: [Lines.Column] =
        [
            .init("threads", 7), .init("N,H,W,C,K", 17, isText: true), .init("direction", 15, isText: true),
            .init("direct ms", 10), .init("winograd ms", 11), .init("auto ms", 9),
            .init("direct GFLOP/s", 14),
            .init("winograd GFLOP/s", 16), .init("auto GFLOP/s", 12), .init("direct/winograd", 15),
            .init("direct/auto", 11), .init("auto is", 9, isText: true),
        ]

    private let shape: ConvolutionShape
    private let threads: Int
    private let takesLeast: Bool
    private let contenders: [Contender]

    /// - Parameter takesLeast: Whether the least of the rounds stands for their median.
    init(_ shape: ConvolutionShape, threads: Int, takesLeast: Bool) throws {
        self.shape = shape
        self.threads = threads
        self.takesLeast = takesLeast
        let single = try SingleConvolution(training: shape)
        let feeds = single.feeds(rectified: true)
        contenders = try [.direct, .winograd, .auto].map { algorithm in
            try Contender(single.graph, feeds, OneDNNEngine(threads: threads, convolution: algorithm))
        }
    }

    /// A line for each direction, from all rounds.
    func rows(rounds: Int, seconds: Double) throws -> [[String]] {
        // The first steps touch memory for the first time.
        var step = 0.0
        for contender in contenders { for _ in 0..<2 { step = max(step, try contender.warmUp()) } }
        // A turn has as many steps as 10 ms hold.
        let count = Swift.max(1, Int((0.01 / Swift.max(step, 1e-6)).rounded()))
        let (clock, start) = (ContinuousClock(), ContinuousClock.now)
        var round = 0
        while round < rounds || (clock.now - start) / .seconds(1) < seconds {
            // Each begins in its turn, so that nobody always follows the same one.
            for place in contenders.indices {
                try contenders[(place + round) % contenders.count].takeTurn(count)
            }
            round += 1
        }
        return Direction.allCases.map(row)
    }

    private func row(_ direction: Direction) -> [String] {
        let times = contenders.map { $0.rounds.map { $0[direction]! } }
        let typical = times.map { takesLeast ? $0.min()! : median($0) }
        func ratio(_ other: Int) -> Double {
            takesLeast
                ? typical[0] / typical[other] : median(zip(times[0], times[other]).map { $0 / $1 })
        }
        return ["\(threads)", "\(shape)", direction.title]
            + typical.map { String(format: "%.3f", 1000 * $0) }
            + typical.map { String(format: "%.0f", shape.operationCount / $0 / 1e9) }
            + [String(format: "%.2f", ratio(1)), String(format: "%.3f", ratio(2)), choice(direction)]
    }

    /// What `auto` computes by: told by which of the others has the same units.
    private func choice(_ direction: Direction) -> String {
        let units = contenders.map { $0.units(of: direction) }
        return units[2] == units[0] ? "direct" : units[2] == units[1] ? "winograd" : "another"
    }

    private func median(_ values: [Double]) -> Double {
        let sorted = values.sorted()
        let middle = sorted.count / 2
        return sorted.count % 2 == 1 ? sorted[middle] : (sorted[middle - 1] + sorted[middle]) / 2
    }
}

/// One way of computing it, kept warm.
private final class Contender {
    private let executable: OneDNNExecutable
    private let store: any Store
    private let feeds: [NDArray]
    private var step = 0
    /// The seconds of a step's directions, by round.
    private(set) var rounds: [[Direction: Double]] = []

    init(_ graph: Graph, _ feeds: [NDArray], _ engine: OneDNNEngine) throws {
        self.feeds = feeds
        executable = try engine.compile(graph) as! OneDNNExecutable
        store = try engine.makeStore(graph.initialVariables(seed: 1))
        executable.isMeasuring = true
    }

    /// The seconds of one step that does not count.
    func warmUp() throws -> Double {
        let before = executable.measurements.reduce(0) { $0 + $1.seconds }
        try run()
        return executable.measurements.reduce(0) { $0 + $1.seconds } - before
    }

    func takeTurn(_ steps: Int) throws {
        // Of short steps the first finds others' numbers in the caches.
        if steps > 1 { try run() }
        let before = seconds()
        for _ in 0..<steps { try run() }
        rounds.append(seconds().merging(before) { ($0 - $1) / Double(steps) })
    }

    /// The names of all units that belong to a direction.
    func units(of direction: Direction) -> [String] {
        executable.measurements.filter { $0.operation == direction.rawValue }.map(\.name)
    }

    private func run() throws {
        try executable.run(feeds, step: step, on: store)
        step += 1
    }

    private func seconds() -> [Direction: Double] {
        var result = Dictionary(uniqueKeysWithValues: Direction.allCases.map { ($0, 0.0) })
        for unit in executable.measurements {
            if let direction = unit.operation.flatMap(Direction.init) { result[direction]! += unit.seconds }
        }
        return result
    }
}
