import ArgumentParser
import Foundation
import Renorm

/// How pictures are prepared, in words of the options that say so: `resize=squash mean=imagenet deviation=imagenet`. What it does not say
/// is as a network has it.
struct PreparationText: TextForm, CustomStringConvertible {
    let description: String
    private let arguments: PreparationArguments
    private let names: Set<String>

    init(parsing text: String) throws {
        description = text
        let words = text.split(separator: " ").map(String.init)
        names = Set(words.map { String($0.prefix { $0 != "=" }) })
        guard !words.isEmpty, names.isSubset(of: PreparationText.known),
            words.allSatisfy({ $0.contains("=") })
        else { throw Fault("'\(text)'", PreparationText.expected) }
        do {
            arguments = try PreparationArguments.parse(words.map { "--\($0)" })
        } catch {
            throw UsageError(PreparationArguments.message(for: error))
        }
    }

    private static let known = ["resize", "interpolation", "background", "mean", "deviation"]

    static var expected: String {
        "one or more of \(known.map { "\($0)=…" }.joined(separator: ", ")) with spaces between, as of 'renorm train'"
    }

    /// The preparation that it makes of a network's.
    func preparation(instead own: Preparation) throws -> Preparation {
        var result = own
        if names.contains("resize") { result.framing.fit = arguments.resize }
        if names.contains("interpolation") { result.framing.interpolation = arguments.interpolation }
        if names.contains("background") { result.framing.background = arguments.background }
        let (known, channels) = (InputScaling.imageNet, own.scaling.channels)
        func values(_ given: ChannelValues, _ imagenet: [Double], _ name: String) throws -> [Double] {
            guard let values = try given.values(imagenet, channels: channels, of: "prepared-as") else {
                throw UsageError(
                    "--prepared-as: found '\(name)=measured'; expected numbers, or imagenet. Change it.")
            }
            return values
        }
        if names.contains("mean") {
            result.scaling.mean = try values(arguments.mean, known.mean, "mean")
        }
        if names.contains("deviation") {
            result.scaling.deviation = try values(arguments.deviation, known.deviation, "deviation")
        }
        if let fault = InputScaling.fault(mean: result.scaling.mean, deviation: result.scaling.deviation) {
            throw UsageError("--prepared-as: found \(fault.found); expected \(fault.expected). Change it.")
        }
        return result
    }

    /// What it says otherwise than a network has it, as the network has it.
    func text(of own: Preparation) -> String {
        func values(_ numbers: [Double]) -> String {
            numbers.map { String(format: "%.4g", $0) }.joined(separator: ",")
        }
        let all = [
            ("resize", own.framing.fit.description),
            ("interpolation", own.framing.interpolation.description),
            ("background", own.framing.background.description), ("mean", values(own.scaling.mean)),
            ("deviation", values(own.scaling.deviation)),
        ]
        return all.filter { names.contains($0.0) }.map { "\($0.0) \($0.1)" }.joined(separator: ", ")
    }
}
