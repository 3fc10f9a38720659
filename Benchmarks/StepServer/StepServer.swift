// Keeps one training step (or inference) warm and times it on request, so that a driver can take turns with another
// program exactly. It speaks the protocol of peers/protocol.py: one line {"ready": true, …}, then one JSON line for each
// line read. The images are synthetic; a step is everything from the batch in memory to the updated parameters.

import Foundation
import Renorm

@main
struct StepServer {
    static func main() {
        do {
            let work = try Work(Options(CommandLine.arguments.dropFirst()))
            say(work.facts)
            while let line = readLine(), line != "quit" {
                let words = line.split(separator: " ").map(String.init)
                switch words.first {
                case "run" where words.count == 2 || words.count == 3:
                    guard let steps = count(words[1]) else { continue }
                    say(Duration(steps: steps, seconds: try work.run(steps)))
                case "floor" where words.count == 2:
                    guard let steps = count(words[1]) else { continue }
                    say(try work.floor(steps))
                case "memory":
                    say(Memory(peakBytes: ProcessMemory.peak, residentBytes: ProcessMemory.resident))
                case "keep":
                    say(["kept": "default"])
                default:
                    say([
                        "error": "found '\(line)'; expected run K [MODE], floor K, keep MODE, memory or quit"
                    ])
                }
            }
        } catch {
            say(["error": "\(error)"])
            exit(1)
        }
    }

    /// A number of steps, or an error said.
    private static func count(_ text: String) -> Int? {
        if let steps = Int(text), steps > 0 { return steps }
        say(["error": "found \(text) steps; expected a whole number above 0"])
        return nil
    }

    private struct Duration: Encodable {
        var steps: Int
        var seconds: Double
    }

    private struct Memory: Encodable {
        var peakBytes: Int
        var residentBytes: Int
    }

    private static func say(_ value: some Encodable) {
        let encoder = JSONEncoder()
        encoder.keyEncodingStrategy = .convertToSnakeCase
        encoder.outputFormatting = .sortedKeys
        let line = (try? encoder.encode(value)) ?? Data()
        FileHandle.standardOutput.write(line + Data("\n".utf8))
    }
}
