import Foundation
import Renorm

/// Prints what a network sees in images, one line an image: for people, as JSON, or as CSV with a header line.
struct PredictionPrinter {
    private let format: PredictionFormat
    private let output: TextOutput
    let top: Int

    /// - Parameter top: how many classes are named for each image.
    init(_ format: PredictionFormat, to output: TextOutput, top: Int) throws {
        (self.format, self.output, self.top) = (format, output, top)
        guard format == .csv else { return }
        let columns = (1...top).flatMap {
            $0 == 1 ? ["prediction", "probability"] : ["prediction_\($0)", "probability_\($0)"]
        }
        try output.write(csvLine(["path"] + columns + ["error"]))
    }

    /// Prints the classes seen in an image, the likeliest first.
    ///
    /// - Parameters:
    ///   - index: which image of its file it is.
    ///   - count: how many images the file holds.
    func print(_ classes: [RankedClass], file: String, index: Int, of count: Int) throws {
        let name = count == 1 ? file : "\(file)[\(index)]"
        switch format {
        case .human:
            let found = classes.map { "\($0.name.visible) \($0.probability.percent)" }
            try output.print("\(name.visible): " + found.joined(separator: ", "))
        case .json:
            try JSONPrinter(output).print(prediction: classes, file: file, index: index)
        case .csv:
            let padding = [String](repeating: "", count: 2 * (top - classes.count))
            try output.write(
                csvLine([name] + classes.flatMap { [$0.name, "\($0.probability)"] } + padding + [""]))
        }
    }

    /// Says that a file could not be read, where the others' results are.
    func print(failure message: String, file: String) throws {
        switch format {
        case .human: break
        case .json: try JSONPrinter(output).print(failure: message, file: file)
        case .csv: try output.write(csvLine([file] + [String](repeating: "", count: 2 * top) + [message]))
        }
    }
}

/// A line of CSV (RFC 4180): fields with a comma, a quotation mark or an end of line in quotation marks.
func csvLine(_ fields: [String]) -> String {
    fields.map { field in
        field.utf8.contains { [0x22, 0x2C, 0x0A, 0x0D].contains($0) }
            ? "\"\(field.replacingOccurrences(of: "\"", with: "\"\""))\"" : field
    }.joined(separator: ",") + "\n"
}
