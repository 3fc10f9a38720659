// How long opening a file of weights takes, and how much memory: of any format that is read, beside PyTorch (Benchmarks/opening.py
// makes files and lets both take turns).
//
//     swift run -c release Opening FILE [TIMES]
//
// Prints a JSON line: the seconds of each time that the file was read, its bytes, and the most bytes of memory that the process
// had in the first, with and without what it had before.

import Foundation
import RenormArrays
import RenormFormats

@main
struct Opening {
    static func main() throws {
        let arguments = CommandLine.arguments
        guard arguments.count > 1 else {
            print("Opening FILE [TIMES]")
            exit(2)
        }
        let file = URL(fileURLWithPath: arguments[1])
        let times = arguments.count > 2 ? Int(arguments[2]) ?? 5 : 5
        let before = peak()
        var (seconds, most, tensors) = ([String](), 0, 0)
        for time in 0..<times {
            let start = ContinuousClock.now
            let content = try NamedArrays(reading: file)
            seconds.append(String(format: "%.5f", (ContinuousClock.now - start) / .seconds(1)))
            if time == 0 { (most, tensors) = (peak(), content.arrays.count) }
        }
        let size = try file.resourceValues(forKeys: [.fileSizeKey]).fileSize ?? 0
        print(
            "{\"seconds\": [\(seconds.joined(separator: ", "))], \"bytes\": \(size), \"peak\": \(most), "
                + "\"growth\": \(most - before), \"tensors\": \(tensors)}")
    }

    /// The most bytes of memory that the process has had.
    private static func peak() -> Int {
        #if canImport(Darwin)
            var usage = rusage()
            getrusage(RUSAGE_SELF, &usage)
            return usage.ru_maxrss
        #else
            // Not by getrusage, whose maximum is of the program that started this one too.
            let text = (try? String(contentsOfFile: "/proc/self/status", encoding: .utf8)) ?? ""
            let line = text.split(separator: "\n").first { $0.hasPrefix("VmHWM:") }
            return (line?.split(separator: " ").dropFirst().first.flatMap { Int($0) } ?? 0) * 1024
        #endif
    }
}
