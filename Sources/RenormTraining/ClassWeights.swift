import Foundation
import RenormArrays
import RenormFormats
import RenormImages

/// How much the loss of an example counts by its class, so that rare classes are not passed over.
///
/// Weights are scaled so that their mean over the training examples is 1, and a batch's loss is the sum of weighted losses
/// divided by the number of its examples. (PyTorch's `CrossEntropyLoss` divides by the sum of the batch's own weights, which
/// would cancel them in batches of one example or class.) So neither the learning rate nor weight decay means something else
/// with them.
public enum ClassWeights: Sendable, Hashable {
    /// All classes count the same.
    case none
    /// As 1 / (number of the class's examples), so that every class counts the same in all: scikit-learn's `balanced`.
    case balanced
    /// By the names of the classes, each of which must be there: finite numbers, at least 0.
    case given([String: Double])

    /// The weight of each class for training on these examples; `nil`: all examples count the same.
    ///
    /// - Throws: `TrainingError.classWeights` if the classes are not those of the data, or no example counts.
    public func values(for data: DatasetIndex) throws -> [Float]? {
        let counts = data.classCounts
        let weights: [Double]
        switch self {
        case .none: return nil
        case .balanced: weights = counts.map { $0 > 0 ? 1 / Double($0) : 0 }
        case .given(let byName):
            if let unknown = byName.keys.sorted().first(where: { !data.classNames.contains($0) }) {
                throw TrainingError.classWeights(
                    found: "a weight of a class '\(unknown)', which \(data.name) does not have",
                    expected: "its classes: \(ClassWeights.shortened(data.classNames))")
            }
            weights = try data.classNames.map { name in
                guard let weight = byName[name] else {
                    throw TrainingError.classWeights(
                        found: "no weight of the class '\(name)' of \(data.name)",
                        expected: "one of each of its \(data.classNames.count) classes")
                }
                return weight
            }
        }
        let sum = zip(weights, counts).reduce(0) { $0 + $1.0 * Double($1.1) }
        guard sum > 0, sum.isFinite else {
            throw TrainingError.classWeights(
                found: "the sum \(sum) over the examples trained on",
                expected: "a finite number above 0, so that at least one class that has examples counts")
        }
        return weights.map { Float($0 * Double(data.count) / sum) }
    }

    private static func shortened(_ names: [String]) -> String {
        names.prefix(10).joined(separator: ", ") + (names.count > 10 ? ", … (\(names.count))" : "")
    }
}

extension ClassWeights: Codable {
    /// Reads `"none"`, `"balanced"` or an object of weights by the names of classes.
    public init(from decoder: any Decoder) throws {
        let container = try decoder.singleValueContainer()
        if let text = try? container.decode(String.self) {
            switch text {
            case "none": self = .none
            case "balanced": self = .balanced
            default:
                throw DecodingError.dataCorrupted(
                    DecodingError.Context(
                        codingPath: decoder.codingPath,
                        debugDescription:
                            "found the class weights '\(text.prefix(100))'; expected none, balanced, or an object"
                    ))
            }
        } else {
            self = .given(try container.decode([String: Double].self))
        }
        try requireNoFault(decoder)
    }

    /// Writes what `init(from:)` reads.
    public func encode(to encoder: any Encoder) throws {
        var container = encoder.singleValueContainer()
        switch self {
        case .none: try container.encode("none")
        case .balanced: try container.encode("balanced")
        case .given(let weights): try container.encode(weights)
        }
    }
}

extension ClassWeights: Checkable {
    /// What is wrong with the numbers; the classes are compared with the data's where these are known.
    package var fault: Fault? {
        guard case .given(let weights) = self else { return nil }
        let wrong = weights.filter { !ClassWeights.isWeight($0.value) }.min { $0.key < $1.key }
        return wrong.map { Fault(of: "weight of the class '\($0.key)'", "\($0.value)", ClassWeights.range) }
    }

    private static let range = "a finite number, at least 0"

    private static func isWeight(_ value: Double) -> Bool { value >= 0 && value.isFinite }
}

extension ClassWeights {
    /// More is no file of weights.
    private static let largestFile = 1 << 24

    /// Reads a file of weights: JSON, an object of numbers by the names of classes, or lines `class,weight`. A name may stand
    /// in quotes, and a first line whose weight is no number is a header.
    ///
    /// - Throws: `TrainingError.classWeights` naming the file, and the line or class.
    public init(reading file: URL) throws {
        func error(_ found: String, _ expected: String) -> TrainingError {
            .classWeights(path: file.path, found: found, expected: expected)
        }
        let forms = "lines 'class,weight', or a JSON object of weights by the names of classes"
        let bytes: Data
        do {
            let handle = try FileHandle(forReadingFrom: file)
            defer { try? handle.close() }
            bytes = try handle.read(upToCount: ClassWeights.largestFile + 1) ?? Data()
        } catch {
            throw TrainingError.classWeights(
                path: file.path, found: "nothing that can be read", expected: "a file of \(forms)")
        }
        guard bytes.count <= ClassWeights.largestFile else {
            throw error("more than \(ClassWeights.largestFile) bytes", forms)
        }
        guard let text = String(data: bytes, encoding: .utf8) else { throw error("no text in UTF-8", forms) }
        if text.first(where: { !$0.isWhitespace }) == "{" {
            do {
                self = try JSONCoder.decode(ClassWeights.self, from: text)
            } catch let failure as DecodingError {
                throw error(failure.placeAndReason, forms)
            }
            return
        }
        var weights: [String: Double] = [:]
        for (index, line) in text.split(omittingEmptySubsequences: false, whereSeparator: \.isNewline)
            .enumerated() where !line.allSatisfy(\.isWhitespace)
        {
            let place = "line \(index + 1): "
            guard let comma = line.lastIndex(of: ",") else {
                throw error("\(place)'\(line.prefix(100))'", forms)
            }
            let name = ClassWeights.unquoted(line[..<comma])
            let value = line[line.index(after: comma)...].trimmingCharacters(in: .whitespaces)
            guard let weight = Double(value) else {
                if index == 0 { continue }
                throw error("\(place)the weight '\(value.prefix(100))' of '\(name)'", "a number")
            }
            guard ClassWeights.isWeight(weight) else {
                throw error("\(place)the weight \(weight) of '\(name)'", ClassWeights.range)
            }
            guard weights.updateValue(weight, forKey: name) == nil else {
                throw error("\(place)another weight of '\(name)'", "one of each class")
            }
        }
        guard !weights.isEmpty else { throw error("no weights", forms) }
        self = .given(weights)
    }

    private static func unquoted(_ text: Substring) -> String {
        let name = text.trimmingCharacters(in: .whitespaces)
        guard name.count >= 2, name.first == "\"", name.last == "\"" else { return name }
        return name.dropFirst().dropLast().replacingOccurrences(of: "\"\"", with: "\"")
    }
}
