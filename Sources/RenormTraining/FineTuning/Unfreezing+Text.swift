import Foundation
import RenormArrays
import RenormLayers

extension Unfreezing: TextForm, CustomStringConvertible {
    /// Reads stages such as `head for 1 epoch, last:3 for 200 steps, layer2+layer3 for 1 epoch, all`.
    ///
    /// - Throws: `Fault`.
    public init(parsing text: String) throws {
        let stages = text.split(separator: ",", omittingEmptySubsequences: false)
        self.init(try stages.map { try Stage(parsing: String($0)) })
        if let fault { throw Fault(fault.found, fault.expected) }
    }

    /// The text form.
    public var description: String { stages.map(\.description).joined(separator: ", ") }

    /// What can be read.
    public static var expected: String {
        "head, last:N, all, or paths and patterns joined by +, each but the last 'for N epochs' or 'for N steps', joined by commas"
    }
}

extension Unfreezing.Stage: CustomStringConvertible {
    fileprivate init(parsing text: String) throws {
        let words = text.split(whereSeparator: \.isWhitespace).map(String.init)
        let failure = Fault("'\(text.trimmingCharacters(in: .whitespaces))'", Unfreezing.expected)
        switch words.count {
        case 1: self.init(try Unfreezing.Parts(parsing: words[0]))
        case 4 where words[1] == "for":
            guard let count = Int(words[2]) else { throw failure }
            let duration: Unfreezing.Duration
            switch words[3] {
            case "epoch", "epochs": duration = .epochs(count)
            case "step", "steps": duration = .steps(count)
            default: throw failure
            }
            self.init(try Unfreezing.Parts(parsing: words[0]), for: duration)
        default: throw failure
        }
    }

    /// The text form of this stage alone.
    public var description: String {
        func counted(_ count: Int, _ unit: String) -> String { "\(count) \(unit)\(count == 1 ? "" : "s")" }
        switch duration {
        case nil: return "\(parts)"
        case .epochs(let epochs)?: return "\(parts) for \(counted(epochs, "epoch"))"
        case .steps(let steps)?: return "\(parts) for \(counted(steps, "step"))"
        }
    }
}

extension Unfreezing.Parts: CustomStringConvertible {
    fileprivate init(parsing text: String) throws {
        let prefix = "last:"
        switch text {
        case "head": self = .head
        case "all": self = .all
        case _ where text.hasPrefix(prefix):
            guard let count = Int(text.dropFirst(prefix.count)) else {
                throw Fault("'\(text)'", "last:N, a number of units")
            }
            self = .last(count)
        default:
            self = .matching(
                text.split(separator: "+", omittingEmptySubsequences: false).map { PathPattern(String($0)) })
        }
    }

    /// The text form.
    public var description: String {
        switch self {
        case .head: "head"
        case .last(let units): "last:\(units)"
        case .all: "all"
        case .matching(let patterns): patterns.map(\.description).joined(separator: "+")
        }
    }
}

extension Unfreezing: Codable {
    /// Stages are coded as their text.
    ///
    /// - Throws: `DecodingError` also for text that is none.
    public init(from decoder: any Decoder) throws {
        let text = try decoder.singleValueContainer().decode(String.self)
        do {
            try self.init(parsing: text)
        } catch let fault as Fault {
            throw DecodingError.dataCorrupted(
                DecodingError.Context(codingPath: decoder.codingPath, debugDescription: fault.description))
        }
    }

    /// Stages are coded as their text.
    public func encode(to encoder: any Encoder) throws {
        var container = encoder.singleValueContainer()
        try container.encode(description)
    }
}
