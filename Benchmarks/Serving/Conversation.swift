import Foundation

/// Work that is kept warm, and done when told to.
public protocol Served {
    /// What is said of it when it is ready: `ready`, `program`, `modes` and whatever else.
    associatedtype Facts: Encodable

    /// What is said of it when it is ready.
    var facts: Facts { get }

    /// Seconds for so many steps.
    func run(_ steps: Int) throws -> Double

    /// What so many steps cannot be faster than; `nil` where nothing is known of it.
    func floor(_ steps: Int) throws -> (any Encodable)?
}

extension Served {
    /// Nothing is known of it.
    public func floor(_ steps: Int) throws -> (any Encodable)? { nil }
}

/// The protocol of peers/protocol.py: one line {"ready": true, …}, then one JSON line for each line read. While it waits for a
/// line the program computes nothing, so programs can take turns.
public enum Conversation {
    /// Gets work ready and answers until `quit` or the end of the input; ends the program at an error, which it says.
    public static func hold(_ make: () throws -> some Served) {
        do {
            let work = try make()
            try say(work.facts)
            while let line = readLine(), line != "quit" { try say(answer(line, work)) }
        } catch {
            try? say(["error": "\(error)"])
            exit(1)
        }
    }

    private static func answer(_ line: String, _ work: some Served) throws -> any Encodable {
        let words = line.split(separator: " ").map(String.init)
        switch (words.first, words.count) {
        case ("run", 2), ("run", 3):
            if let steps = count(words[1]) { return Duration(steps: steps, seconds: try work.run(steps)) }
        case ("floor", 2):
            if let steps = count(words[1]), let floor = try work.floor(steps) { return floor }
        case ("memory", 1):
            return Memory(peakBytes: ProcessMemory.peak, residentBytes: ProcessMemory.resident)
        case ("keep", 2): return ["kept": words[1]]
        default: break
        }
        return ["error": "found '\(line)'; expected run K [MODE], floor K, keep MODE, memory or quit"]
    }

    private static func count(_ text: String) -> Int? { Int(text).flatMap { $0 > 0 ? $0 : nil } }

    private struct Duration: Encodable {
        var steps: Int
        var seconds: Double
    }

    private struct Memory: Encodable {
        var peakBytes: Int
        var residentBytes: Int
    }

    /// One line of JSON to the standard output.
    public static func say(_ value: any Encodable) throws {
        let encoder = JSONEncoder()
        encoder.keyEncodingStrategy = .convertToSnakeCase
        encoder.outputFormatting = .sortedKeys
        FileHandle.standardOutput.write(try encoder.encode(value) + Data("\n".utf8))
    }
}
