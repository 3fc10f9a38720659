import Foundation
import Renorm

/// Prints one JSON object a line: `event` says what it is, the other members are the library's own names.
struct JSONPrinter: EventPrinter {
    private let output: TextOutput

    init(_ output: TextOutput = .standard) { self.output = output }

    func print(_ event: TrainingEvent) throws(ReportingError) {
        switch event {
        case .started(let description): try line("started", description)
        case .warning(let text): try line("warning", Message(message: text))
        case .resumed(let step, let url): try line("resumed", Place(step: step, file: url.path))
        case .startedAnew(let folder): try line("started-anew", Place(step: 0, file: folder.path))
        case .droppedIncompleteBatch(let examples):
            try line("dropped-incomplete-batch", Count(examples: examples))
        case .stage(let report): try line("stage", report)
        case .step(let report): try line("step", report)
        case .watch(let report): try line("watch", report)
        case .skipped(let report): try line("skipped", report)
        case .evaluation(let report):
            try print(
                report.evaluation, report.confusion, set: report.set.rawValue, step: report.step,
                normalizations: report.normalizations)
        case .checkpoint(let report):
            try line(
                "checkpoint", Place(step: report.step, file: report.url.path, reason: report.reason.rawValue))
        case .stoppedEarly(let stop): try line("stopped-early", stop)
        case .finished(let summary):
            try line("finished", Saved(report: summary, name: "model", path: summary.model?.path))
        case .interrupted(let how):
            try line("interrupted", Saved(report: how, name: "checkpoint", path: how.checkpoint?.path))
        }
    }

    func close() {}

    /// Prints an evaluation.
    func print(
        _ evaluation: Evaluation, _ confusion: ConfusionMatrix? = nil, set: String, step: Int,
        normalizations: [NormalizationReport] = [],
        data: MeasuredData? = nil, arithmetic: Precision? = nil
    ) throws(ReportingError) {
        try line(
            "evaluation",
            Measured(
                set: set, step: step, evaluation: evaluation, confusion: confusion,
                normalizations: normalizations, data: data, arithmetic: arithmetic))
    }

    /// Prints the description of a model.
    func print(_ description: ModelDescription, _ planned: PlannedMemory, domains: [String])
        throws(ReportingError)
    {
        try line("description", Described(description: description, planned: planned, domains: domains))
    }

    /// Prints how a network was adapted.
    func print(_ adaptation: AdaptationText) throws(ReportingError) { try line("adaptation", adaptation) }

    /// Prints that a network was recalibrated.
    func print(_ done: Recalibrated) throws(ReportingError) { try line("recalibrated", done) }

    /// Prints a diagnosis: what was measured, what was found, and whether the network is healthy.
    func print(_ diagnosis: Diagnosis) throws(ReportingError) {
        for line in JSONPrinter.lines(of: diagnosis) { try output.write(line + "\n") }
    }

    /// The same, a line each: what a run's folder keeps for its report.
    static func lines(of diagnosis: Diagnosis) -> [String] {
        [text("diagnosis", DiagnosisMeasures(diagnosis))]
            + diagnosis.findings.enumerated().map { place, finding in
                text(finding.kind.rawValue, RankedFinding(rank: place + 1, finding: finding))
            } + [text("verdict", DiagnosisVerdict(diagnosis))]
    }

    /// Prints the classes seen in an image, the likeliest first.
    func print(prediction classes: [RankedClass], file: String, index: Int) throws(ReportingError) {
        try line("prediction", Prediction(file: file, index: index, classes: classes))
    }

    /// Prints why a file's images are not among the predictions.
    func print(failure message: String, file: String) throws(ReportingError) {
        try line("failure", Failure(file: file, message: message))
    }

    private struct Failure: Encodable {
        var file: String
        var message: String
    }

    private static func text(_ event: String, _ payload: some Encodable) -> String {
        guard let text = try? JSONLines.line(event, payload) else {
            preconditionFailure("events are objects that JSON can hold")
        }
        return text.escapingUnprintable
    }

    private func line(_ event: String, _ payload: some Encodable) throws(ReportingError) {
        try output.write(JSONPrinter.text(event, payload) + "\n")
    }

    private struct Message: Encodable { var message: String }
    private struct Count: Encodable { var examples: Int }

    private struct Place: Encodable {
        var step: Int
        var file: String
        var reason: String?
    }

    /// A report with a file as its path, where JSON would have a URL.
    private struct Saved<Report: Encodable>: Encodable {
        var report: Report
        var name: String
        var path: String?

        func encode(to encoder: any Encoder) throws {
            try report.encode(to: encoder)
            guard let path else { return }
            var container = encoder.container(keyedBy: Name.self)
            try container.encode(path, forKey: Name(stringValue: name))
        }
    }

    private struct Name: CodingKey {
        var stringValue: String
        var intValue: Int? { nil }
        init(stringValue: String) { self.stringValue = stringValue }
        init?(intValue: Int) { nil }
    }

    private struct Prediction: Encodable {
        var file: String
        var index: Int
        var classes: [RankedClass]
    }

    private struct Measured: Encodable {
        var set: String
        var step: Int
        var evaluation: Evaluation
        var confusion: ConfusionMatrix?
        var normalizations: [NormalizationReport]
        var data: MeasuredData?
        /// The precision of activations; the other precision is that of answers.
        var arithmetic: Precision?

        private enum Key: String, CodingKey {
            case set, step, normalizations, data, arithmetic
            case accuracy, loss, examples, topFiveAccuracy, balancedAccuracy, precision, recall, f1
            case calibrationError, meanConfidence, classes, confusion
        }

        func encode(to encoder: any Encoder) throws {
            var container = encoder.container(keyedBy: Key.self)
            try container.encode(evaluation.accuracy, forKey: .accuracy)
            try container.encode(evaluation.loss, forKey: .loss)
            try container.encode(evaluation.examples, forKey: .examples)
            for (key, value) in [
                (.topFiveAccuracy, evaluation.topFiveAccuracy),
                (.balancedAccuracy, evaluation.balancedAccuracy), (.precision, evaluation.macroPrecision),
                (.recall, evaluation.macroRecall), (.f1, evaluation.macroF1),
                (.calibrationError, evaluation.calibrationError),
                (.meanConfidence, evaluation.meanConfidence),
            ] as [(Key, Double?)] {
                try container.encodeIfPresent(value, forKey: key)
            }
            try container.encode(evaluation.classes.map(ClassMeasures.init), forKey: .classes)
            try container.encodeIfPresent(confusion?.byName, forKey: .confusion)
            try container.encode(set, forKey: .set)
            try container.encode(step, forKey: .step)
            if !normalizations.isEmpty { try container.encode(normalizations, forKey: .normalizations) }
            try container.encodeIfPresent(data, forKey: .data)
            try container.encodeIfPresent(arithmetic, forKey: .arithmetic)
        }
    }

    /// The result of a class with what follows from it; what there is nothing to say of is left out.
    private struct ClassMeasures: Encodable {
        var name: String
        var examples: Int
        var correct: Int
        var predicted: Int?
        var precision: Double?
        var recall: Double?
        var f1: Double?

        init(_ result: Evaluation.ClassResult) {
            (name, examples, correct) = (result.name, result.examples, result.correct)
            (predicted, precision) = (result.predicted, result.precision)
            (recall, f1) = (result.recall, result.f1)
        }
    }

    private struct Described: Encodable {
        var description: ModelDescription
        var planned: PlannedMemory
        var domains: [String]

        private enum Key: String, CodingKey { case plannedByteCount, plannedMemory, domains }

        func encode(to encoder: any Encoder) throws {
            try description.encode(to: encoder)
            var container = encoder.container(keyedBy: Key.self)
            try container.encode(planned.total, forKey: .plannedByteCount)
            try container.encode(planned, forKey: .plannedMemory)
            if !domains.isEmpty { try container.encode(domains, forKey: .domains) }
        }
    }
}

extension String {
    /// JSON with what a terminal would obey (which JSON allows in strings, and only there) escaped.
    fileprivate var escapingUnprintable: String {
        guard unicodeScalars.contains(where: \.isUnprintable) else { return self }
        return unicodeScalars.map { scalar in
            guard scalar.isUnprintable else { return String(scalar) }
            let digits = String(scalar.value, radix: 16)
            return "\\u" + String(repeating: "0", count: 4 - digits.count) + digits
        }.joined()
    }
}
