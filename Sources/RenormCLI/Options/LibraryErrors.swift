import Renorm

/// An error of the library with the options of a command that have to do with it: the library knows no command line.
func naming(_ options: [OptionDefinition], in error: any Error) -> any Error {
    let known = options.map(\.name)
    let named =
        remedies(for: error).filter { known.contains($0.option) }.map(\.text)
        + options.filter { option in differences(in: error).contains { option.decides($0.option) } }.map {
            "--\($0.name)"
        }
    return named.isEmpty ? error : UsageError("\(error) (On the command line: \(list(named)).)")
}

/// What differs from a run or an experiment that goes on.
private func differences(in error: any Error) -> [ConfigurationDifference] {
    switch error {
    case TrainingError.otherRun(_, let found), ExperimentError.otherResults(_, let found): found
    default: []
    }
}

/// An option, and how it is written.
private struct Remedy {
    var option: String
    var text: String

    init(_ option: String, _ value: String = "") {
        self.option = option
        text = "--\(option)" + (value.isEmpty ? "" : " \(value)")
    }
}

/// The options by which a user can follow the advice of an error; those of other commands among them.
private func remedies(for error: any Error) -> [Remedy] {
    switch error {
    case ImagesError.labelOutOfRange(_, _, _, _, let offset):
        [Remedy("classes"), Remedy("label-offset", offset == 0 ? "1" : "")]
    case ImagesError.namedClasses: [Remedy("classes"), Remedy("label-offset")]
    case ImagesError.datasetNotFound: [Remedy("data", "idx:DIR")]
    case ImagesError.holdOut: [Remedy("validation"), Remedy("held-out")]
    case ImagesError.sourcesDiffer: [Remedy("classes")]
    case ImagesError.classWithoutExamples(_, let heldOut) where heldOut > 0:
        [Remedy("validation"), Remedy("held-out")]
    case ImagesError.classWithoutExamples(name: "0", _): [Remedy("label-offset", "1")]
    case ImagesError.brokenPictures, ImagesError.notAPicture, ImagesError.undecodable: [Remedy("skip-broken")]
    case ImagesError.pixelCount: [Remedy("max-pixels"), Remedy("skip-broken")]
    case ImagesError.missingColumn: [Remedy("columns")]
    case ImagesError.noSources: [Remedy("source-level")]
    case ImagesError.picturesWithoutClasses: [Remedy("data", "csv:FILE")]
    case ImagesError.cacheTooLarge: [Remedy("cache-budget"), Remedy("cache", "none")]
    case ImagesError.unusableCache: [Remedy("cache")]
    case ImagesError.noPart: [Remedy("data")]
    case TrainingError.option(name: "evaluation precision", _, _): [Remedy("evaluation-precision", "f32")]
    case TrainingError.option(name: "unfreezing", _, _), GraphError.unknown(what: "layer", _, _),
        GraphError.option(operation: "unfreezing", _, _, _):
        [Remedy("unfreeze")]
    case TrainingError.option(name: "statistics by source", _, _): [Remedy("statistics-by", "all")]
    case TrainingError.noLearningRate: [Remedy("learning-rate")]
    case TrainingError.otherPictures: [Remedy("run")]
    case TrainingError.runExists: [Remedy("resume"), Remedy("run")]
    case TrainingError.inUse: [Remedy("run")]
    case TrainingError.notACheckpoint: [Remedy("init")]
    case TrainingError.notFinite: [Remedy("on-non-finite", "skip")]
    case TrainingError.evaluationNotFinite(_, _, _, _, canGoOn: true):
        [Remedy("resume"), Remedy("on-non-finite", "skip")]
    case VariablesError.unfit(let report) where !report.exceptions.isEmpty:
        [Remedy("init-except", report.exceptions.joined(separator: ",").shellQuoted)]
    default: []
    }
}

/// `a, b and c`.
func list(_ names: [String], _ word: String = "and") -> String {
    names.dropLast().joined(separator: ", ") + (names.count > 1 ? " \(word) " : "") + (names.last ?? "")
}
