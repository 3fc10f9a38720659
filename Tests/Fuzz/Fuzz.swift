// Damages files of every kind that is read, and reads them with the library's readers: what is wrong must be refused, and
// nothing may crash, take for ever, or ask for memory without end. A case is a function of the seed, the reader's name and the
// case's number, so each can be repeated. Cases are run in processes of their own, many in each, because some end the process.

import Foundation
import Renorm

@main
struct Fuzz {
    static func main() async throws {
        let options: Options
        do {
            options = try Options(CommandLine.arguments.dropFirst())
        } catch {
            print(error)
            exit(2)
        }
        if options.seeds != nil {
            try await Batch(options).run()
            return
        }
        let failures = try await Session(options).run()
        exit(failures == 0 ? 0 : 1)
    }
}

/// The programs that were built together.
enum Program {
    static let url = Bundle.main.executableURL ?? URL(fileURLWithPath: CommandLine.arguments[0])
    static let folder = url.deletingLastPathComponent()
}

/// What is said on the command line.
struct Options {
    static let help = """
        Fuzz [--cases N] [--reader NAME] [--case N] [--seed N] [--seconds N] [--megabytes N] [--keep DIR]
          --cases      of each reader, fewer of slow ones (20,000)
          --reader     one of \(readers.map(\.name).joined(separator: ", ")); all of them otherwise
          --case       this one alone, to repeat it
          --seed       of the damage (1)
          --seconds    of processor time that a case may take (10)
          --megabytes  that a process may hold (1,500)
          --keep       where the files of cases that fail are put (fuzz-failures)
        """

    var cases = 20_000
    var reader: String?
    var only: Int?
    var seed: UInt64 = 1
    var seconds = 10
    var megabytes = 1500
    var keep = URL(fileURLWithPath: "fuzz-failures")
    /// Where the seeds are, if this process is one that runs cases; then the first of them, and where it works.
    var seeds: URL?
    var first = 0
    var work = FileManager.default.temporaryDirectory

    struct Usage: Error, CustomStringConvertible {
        var description: String
    }

    init(_ arguments: ArraySlice<String>) throws {
        var arguments = arguments
        while let option = arguments.popFirst() {
            guard let text = arguments.popFirst() else { throw Usage(description: Options.help) }
            func number<Number: LosslessStringConvertible & Comparable>(_ least: Number) throws -> Number {
                guard let value = Number(text), value >= least else {
                    throw Usage(
                        description:
                            "\(option): found '\(text)'; expected at least \(least).\n\(Options.help)")
                }
                return value
            }
            switch option {
            case "--cases": cases = try number(1)
            case "--reader": reader = text
            case "--case": only = try number(0)
            case "--seed": seed = try number(0)
            case "--seconds": seconds = try number(1)
            case "--megabytes": megabytes = try number(1)
            case "--keep": keep = URL(fileURLWithPath: text)
            case "--seeds": seeds = URL(fileURLWithPath: text)
            case "--first": first = try number(0)
            case "--work": work = URL(fileURLWithPath: text)
            default: throw Usage(description: "found '\(option)'; expected one of these.\n\(Options.help)")
            }
        }
        if chosen.isEmpty {
            throw Usage(
                description: "--reader: found '\(reader ?? "")'; expected one of these.\n\(Options.help)")
        }
    }

    /// The readers asked for. Those that fail on purpose must be named.
    var chosen: [any Reader] {
        guard let reader else { return readers }
        let all = readers + FailingReader.Failure.allCases.map { FailingReader(failure: $0) }
        return all.filter { $0.name == reader }
    }

    /// The cases of a reader.
    func cases(of reader: any Reader) -> Range<Int> {
        if let only { return only..<only + 1 }
        return 0..<max(cases * reader.share / 1000, 1)
    }
}
