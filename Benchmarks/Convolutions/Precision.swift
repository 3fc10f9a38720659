import Foundation
import RenormArrays
import RenormEngines
import RenormGraphs
import RenormOneDNN

/// How far the results of one convolution are from those in f64.
struct Precision {
    /// Of which kind the images are; gradients are normal.
    enum Inputs: String, CaseIterable {
        case normal
        case rectified
    }

    static let columns: [Lines.Column] = [
        .init("N,H,W,C,K", 17, isText: true), .init("direction", 15, isText: true),
        .init("inputs", 9, isText: true), .init("direct RMS", 11), .init("winograd RMS", 12),
        .init("RMS ratio", 9),
        .init("direct largest", 14), .init("winograd largest", 16), .init("largest ratio", 13),
    ]

    private let shape: ConvolutionShape
    private let inputs: Inputs
    private let threads: Int

    init(_ shape: ConvolutionShape, _ inputs: Inputs, threads: Int) {
        self.shape = shape
        self.inputs = inputs
        self.threads = threads
    }

    /// A line for each direction.
    func rows() throws -> [[String]] {
        let single = try SingleConvolution(results: shape)
        let feeds = single.feeds(rectified: inputs == .rectified)
        func results(_ engine: some Engine) throws -> [String: NDArray] {
            let executable = try engine.compile(single.graph)
            return try executable.run(
                Dictionary(uniqueKeysWithValues: zip(executable.inputs.map(\.name), feeds)),
                on: engine.makeStore(single.graph.initialVariables(seed: 1)))
        }
        let expected = try results(ReferenceEngine(precision: .f64))
        let found = try [ConvolutionAlgorithm.direct, .winograd].map {
            try results(OneDNNEngine(threads: threads, convolution: $0))
        }
        return Direction.allCases.map { direction in
            let name = direction.rawValue
            let errors = found.map { error($0[name]!, expected[name]!) }
            func columns(_ value: KeyPath<(mean: Double, largest: Double), Double>) -> [String] {
                let values = errors.map { $0[keyPath: value] }
                return values.map { String(format: "%.2e", $0) }
                    + [String(format: "%.2f", values[1] / values[0])]
            }
            return ["\(shape)", direction.title, inputs.rawValue] + columns(\.mean) + columns(\.largest)
        }
    }

    /// Root mean square and greatest magnitude of the difference, over the root mean square of what is expected.
    private func error(_ found: NDArray, _ expected: NDArray) -> (mean: Double, largest: Double) {
        let (a, b) = (found.doubles, expected.doubles)
        var (squares, largest, scale) = (0.0, 0.0, 0.0)
        for index in b.indices {
            let difference = abs(a[index] - b[index])
            squares += difference * difference
            scale += b[index] * b[index]
            // Not a number is further off than any number.
            if !(difference <= largest) { largest = difference.isNaN ? .infinity : difference }
        }
        return ((squares / scale).squareRoot(), largest / (scale / Double(b.count)).squareRoot())
    }
}
