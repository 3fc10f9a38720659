import ArgumentParser
import Renorm

/// What the numbers in files of labels mean.
struct LabelOptions: ParsableArguments {
    @Option(
        help: ArgumentHelp(
            "How many classes there are; larger labels are refused. (default: as the largest training label says)",
            valueName: "n"))
    var classes: Int?

    @Option(
        help: ArgumentHelp(
            "The label of the first class: 1 for data whose labels count from 1, such as EMNIST's letters.",
            valueName: "n"))
    var labelOffset = 0

    var numbering: LabelNumbering { LabelNumbering(classes: classes, offset: labelOffset) }

    func validate() throws {
        if let classes, !(1...256).contains(classes) {
            throw ValidationError("--classes: found \(classes); expected 1 to 256. Change it.")
        }
        try LabelOptions.check(offset: labelOffset)
    }

    static func check(offset: Int) throws {
        guard (0...255).contains(offset) else {
            throw ValidationError("--label-offset: found \(offset); expected 0 to 255. Change it.")
        }
    }
}
