import Foundation
import Renorm

/// What the program is asked for.
struct Arguments {
    var values: [String: String] = [:]

    /// Reads `--name value` pairs.
    init(_ arguments: [String]) throws {
        var rest = arguments[...]
        while let word = rest.popFirst() {
            guard word.hasPrefix("--"), let value = rest.popFirst() else {
                throw Fault("'\(word)'", "--NAME VALUE")
            }
            values[String(word.dropFirst(2))] = value
        }
    }

    func text(_ name: String, _ standard: String? = nil) throws -> String {
        guard let value = values[name] ?? standard else { throw Fault("no --\(name)", "one") }
        return value
    }

    func number(_ name: String, _ standard: Int) throws -> Int {
        guard let value = values[name] else { return standard }
        guard let number = Int(value), number > 0 else {
            throw Fault("--\(name) \(value)", "a number above 0")
        }
        return number
    }

    func list(_ name: String, _ standard: String, separator: Character = ",") -> [String] {
        (values[name] ?? standard).split(separator: separator).map {
            $0.trimmingCharacters(in: .whitespaces)
        }
    }
}
