// What each way of computing 3×3 convolutions of stride 1 takes: one convolution with both of its gradients and an update of
// its weight is compiled in each way, as a training step has it, and the three take turns.
//
//     swift run -c release Convolutions [--threads "1 2"] [--shape "4,56,56,64,64 32,8,8,256,256"] [--rounds 5]
//         [--seconds 2] [--least] [--csv]
//     swift run -c release Convolutions --errors [--shape …] [--threads 2] [--csv]
//
// A shape is N,H,W,C,K: examples, height, width, channels of the input and of the result. A line is one direction of one shape,
// all that belongs to it counted: changes of the weight's layout and transformed filters too. A cell (a shape with a number of
// threads) takes at least so many rounds and so many seconds. GFLOP/s are what the direct formula needs, so Winograd's may be more
// than the processor can do. With --least the least time over rounds stands for the median, for a busy machine. Lines are
// complete whenever it is interrupted.
//
// With --errors it says instead how far results are from those in f64, relative to the root mean square of the result: root mean
// square of the difference, and the largest. Batches are cut to 4 then, because the reference is slow: minutes for all shapes.

import Foundation
import MachineLimits
import RenormOneDNN
import Serving

@main
struct Convolutions {
    static func main() {
        do {
            let options = try Options(
                CommandLine.arguments.dropFirst(),
                names: ["threads", "shape", "rounds", "seconds", "csv", "errors", "least"])
            if options.has("errors") {
                try errors(options)
            } else {
                try times(options)
            }
        } catch {
            FileHandle.standardError.write(Data("\(error)\n".utf8))
            exit(1)
        }
    }

    private static func times(_ options: Options) throws {
        let rounds = try options.number("rounds", default: 5)
        let (seconds, shapes) = (try options.seconds(), try options.shapes())
        let lines = Lines(Comparison.columns, isCSV: options.has("csv"))
        for (index, threads) in try options.threads(default: [1, 2]).enumerated() {
            let engine = try OneDNNEngine(threads: threads).description
            let peak = limits_peak_operations(Int32(threads), 3) / 1e9
            lines.remark(
                "\(engine.name) \(engine.version), \(engine.instructionSet), \(threads) threads, "
                    + String(format: "at most %.0f GFLOP/s", peak))
            if index == 0 { lines.heading() }
            for shape in shapes {
                let comparison = try Comparison(shape, threads: threads, takesLeast: options.has("least"))
                for row in try comparison.rows(rounds: rounds, seconds: seconds) { lines.line(row) }
            }
        }
    }

    private static func errors(_ options: Options) throws {
        let threads = try options.threads(default: [2])[0]
        let lines = Lines(Precision.columns, isCSV: options.has("csv"))
        lines.heading()
        var known: Set<ConvolutionShape> = []
        for shape in try options.shapes().map({ $0.ofBatch(atMost: 4) }) where known.insert(shape).inserted {
            for inputs in Precision.Inputs.allCases {
                for row in try Precision(shape, inputs, threads: threads).rows() { lines.line(row) }
            }
        }
    }
}

extension Options {
    /// The shapes that are asked for, or all.
    fileprivate func shapes() throws -> [ConvolutionShape] {
        guard let text = self["shape"] else { return ConvolutionShape.all }
        return try text.split(separator: " ").map { word in
            guard let shape = ConvolutionShape(String(word)) else {
                throw OptionError("--shape \(word)", expected: "N,H,W,C,K")
            }
            return shape
        }
    }

    fileprivate func threads(default standard: [Int]) throws -> [Int] {
        guard let text = self["threads"] else { return standard }
        let numbers = text.split(separator: " ").compactMap { Int($0) }.filter { $0 > 0 }
        guard !numbers.isEmpty, numbers.count == text.split(separator: " ").count else {
            throw OptionError("--threads \(text)", expected: "whole numbers above 0, such as \"1 2\"")
        }
        return numbers
    }

    fileprivate func seconds() throws -> Double {
        guard let text = self["seconds"] else { return 2 }
        guard let seconds = Double(text), seconds >= 0, seconds.isFinite else {
            throw OptionError("--seconds \(text)", expected: "a number of seconds, at least 0")
        }
        return seconds
    }
}
