import Foundation
import Renorm

/// A finding with its place, as a line of JSON has it: where it is no layer's, `layer` is null.
struct RankedFinding: Encodable {
    var rank: Int
    var finding: Finding

    private enum Key: String, CodingKey {
        case rank, severity, cause, layer, loss, accuracy, evidence, note, remedy
    }

    func encode(to encoder: any Encoder) throws {
        var container = encoder.container(keyedBy: Key.self)
        try container.encode(rank, forKey: .rank)
        try container.encode(finding.severity, forKey: .severity)
        try container.encode(finding.cause, forKey: .cause)
        try container.encode(finding.layer, forKey: .layer)
        try container.encode(finding.loss, forKey: .loss)
        try container.encode(finding.accuracy, forKey: .accuracy)
        try container.encode(finding.evidence, forKey: .evidence)
        if !finding.note.isEmpty { try container.encode(finding.note, forKey: .note) }
        try container.encode(finding.remedy, forKey: .remedy)
    }
}

/// What was measured, without what was found.
struct DiagnosisMeasures: Encodable {
    var data: String
    var reference: Int
    var scored: Int
    var isLabelled: Bool
    var scores: [StatisticsScore]
    var differences: [ScoreDifference]
    var layers: [LayerDiagnosis]
    var gradients: [GradientDiagnosis]?
    var activations: [ActivationDiagnosis]?
    var sampler: SamplerDiagnosis?
    var shift: Double?
    var shifts: [LayerShift]
    var remarks: [String]

    init(_ diagnosis: Diagnosis) {
        (data, reference, scored) = (diagnosis.data, diagnosis.reference, diagnosis.scored)
        (scores, differences, layers) = (diagnosis.scores, diagnosis.differences, diagnosis.layers)
        (isLabelled, sampler, remarks) = (diagnosis.isLabelled, diagnosis.sampler, diagnosis.remarks)
        (shift, shifts) = (diagnosis.shift, diagnosis.shifts)
        (gradients, activations) = (diagnosis.gradients, diagnosis.activations)
    }
}

/// How a diagnosis ends.
struct DiagnosisVerdict: Encodable {
    var healthy: Bool
    var findings: Int
    var severity: Finding.Severity?

    init(_ diagnosis: Diagnosis) {
        healthy = diagnosis.isHealthy
        findings = diagnosis.findings.filter { $0.kind == .finding }.count
        severity = diagnosis.severity
    }
}

/// A diagnosis for a person: within 80 columns, with bars, in colour on a terminal only.
struct DoctorText {
    static let width = 80
    private let diagnosis: Diagnosis
    private let isColoured: Bool

    init(_ diagnosis: Diagnosis, isColoured: Bool? = nil) {
        self.diagnosis = diagnosis
        let environment = ProcessInfo.processInfo.environment
        self.isColoured =
            isColoured
            ?? (TextOutput.standard.isTerminal && environment["TERM"] != "dumb"
                && environment["NO_COLOR"] == nil)
    }

    func print() throws { for line in lines { try say(line) } }

    var lines: [String] {
        var result = scoreLines + [""] + layerLines
        if !diagnosis.shifts.isEmpty { result += [""] + shiftLines }
        let learning = LearningTable(diagnosis).lines
        if !learning.isEmpty { result += [""] + learning }
        if let sampler = diagnosis.sampler { result += [""] + Self.wrapped(samplerText(sampler), indent: 0) }
        result += [""] + findingLines
        for remark in diagnosis.remarks { result += Self.wrapped("note: \(remark.visible)", indent: 0) }
        return result
    }

    private var scoreLines: [String] {
        let names: [StatisticsKind: String] = [
            .stored: "stored averages", .training: "A training's estimator", .population: "B population",
            .independent: "C independent groups", .drawn: "D groups as drawn",
        ]
        return Self.wrapped(
            "\(diagnosis.reference.grouped) training pictures of \(diagnosis.data.visible) measured, \(diagnosis.scored.grouped) others scored",
            indent: 0) + [""]
            + Table(
                ["statistics", "loss", "accuracy", "confidence", "calibration", "changed"],
                right: [1, 2, 3, 4, 5]
            ).lines(
                diagnosis.scores.map {
                    [
                        names[$0.statistics] ?? "", $0.loss?.formatted(4) ?? "", $0.accuracy?.percent ?? "",
                        $0.meanConfidence?.percent ?? "", $0.calibrationError?.percent ?? "",
                        $0.changedAnswers.percent,
                    ]
                })
    }

    /// The layers that are furthest off.
    private var layerLines: [String] {
        let shown = diagnosis.layers.filter { !$0.isFrozen }.sorted { $0.deviation > $1.deviation }
        guard let largest = shown.first?.deviation, largest > 0 else { return [] }
        let table = Table(["layer", "deviation", "output", "chain", "noise ν", ""], right: [1, 2, 3, 4])
        func number(_ value: Double?) -> String {
            value.map { $0 >= 1000 ? ">999" : $0.formatted($0 >= 100 ? 0 : 3) } ?? ""
        }
        var rows = shown.prefix(Self.mostLayers).map { layer in
            [
                Self.short(layer.path),
                number(layer.deviation), number(layer.outputDifference),
                number(layer.chainDifference), number(layer.noise),
                Self.bar(layer.deviation / largest),
            ]
        }
        if shown.count > Self.mostLayers {
            rows.append(["and \(shown.count - Self.mostLayers) more", "", "", "", "", ""])
        }
        return table.lines(rows)
    }

    /// The layers at which the target's pictures are furthest off.
    private var shiftLines: [String] {
        let (shifts, largest) = (diagnosis.shifts, max(diagnosis.shifts[0].deviation, 1e-9))
        var rows = shifts.prefix(Self.mostLayers).map {
            [Self.short($0.path), $0.deviation.formatted(3), Self.bar($0.deviation / largest)]
        }
        if shifts.count > Self.mostLayers {
            rows.append(["and \(shifts.count - Self.mostLayers) more", "", ""])
        }
        return Table(["layer", "shift of the target", ""], right: [1]).lines(rows)
    }

    private static let mostLayers = 10

    private func samplerText(_ sampler: SamplerDiagnosis) -> String {
        var text =
            "Batches (\(sampler.sampling)), groups of \(sampler.group)"
        if let own = sampler.classesOfGroup, let expected = sampler.expectedClasses {
            text +=
                ": \(own.formatted(1)) classes in a group, \(expected.formatted(1)) in independent ones"
        }
        if let effect = sampler.designEffect {
            text +=
                "; design effect \(effect.value.formatted(2)) ± \((2 * effect.standardError).formatted(2))"
        }
        return text + "."
    }

    private var findingLines: [String] {
        guard !diagnosis.findings.isEmpty else { return [coloured("Healthy: nothing was found.", "32")] }
        var result: [String] = []
        if diagnosis.isHealthy { result.append(coloured("Healthy.", "32")) }
        for (place, finding) in diagnosis.findings.enumerated() {
            let isFinding = finding.kind == .finding
            let colour = !isFinding ? "36" : finding.severity == .low ? "33" : "31"
            let rank = isFinding ? finding.severity.rawValue : finding.kind.rawValue
            let layer = finding.layer.map { " of \($0.visible)" } ?? ""
            let cost =
                finding.loss == 0 && finding.accuracy == 0
                ? ""
                : finding.loss.isFinite
                    ? ": \(isFinding ? "costs" : "could gain") \(finding.loss.formatted(3)) nats, \((finding.accuracy * 100).formatted(2)) points"
                    : finding.changedAnswers.map { ": changes \($0.percent) of the answers" }
                        ?? ": what it costs cannot be told"
            result.append(
                coloured("\(place + 1). \(finding.cause.rawValue)\(layer)", colour) + " (\(rank))\(cost)")
            var texts = [finding.cause.meaning + (finding.note.isEmpty ? "" : ": \(finding.note.visible)")]
            let evidence = finding.evidence.sorted { $0.key < $1.key }.map {
                "\($0.key.replacingOccurrences(of: "_", with: " ")) \($0.value.brief)"
            }
            if !evidence.isEmpty { texts.append(evidence.joined(separator: ", ")) }
            if let remedy = finding.remedy {
                var text = "→ \(remedy.command.visible)"
                if let loss = remedy.measuredLoss {
                    text +=
                        ": loss \(loss.formatted(4))"
                        + (remedy.measuredAccuracy.map { ", \($0.percent) right" } ?? "")
                }
                let answers = [
                    remedy.changedAnswers.map { "\($0.percent) of the answers are others" },
                    remedy.meanConfidence.map { "mean confidence \($0.percent)" },
                ].compactMap(\.self)
                if !answers.isEmpty {
                    text +=
                        ": \(answers.joined(separator: ", ")); whether that is better cannot be told without labels"
                }
                texts.append(text)
            }
            for text in texts { result += Self.wrapped(text, indent: 3) }
        }
        return result
    }

    private func coloured(_ text: String, _ code: String) -> String {
        isColoured ? "\u{1B}[1;\(code)m\(text)\u{1B}[0m" : text
    }

    /// A path of at most 26 columns: its end says where it is.
    static func short(_ path: String) -> String { path.count > 26 ? "…" + path.suffix(25) : path }

    /// A bar of at most 14 columns.
    private static func bar(_ part: Double) -> String {
        let eighths = Int((min(max(part, 0), 1) * 14 * 8).rounded())
        let rest = ["", "▏", "▎", "▍", "▌", "▋", "▊", "▉"][eighths % 8]
        return String(repeating: "█", count: eighths / 8) + rest
    }

    /// Text in lines of the width, all but what no space divides.
    static func wrapped(_ text: String, indent: Int) -> [String] {
        var (lines, line): ([String], String) = ([], "")
        // A number stays with its percent sign.
        for word in text.replacing(" %", with: "\u{A0}%").split(separator: " ") {
            if !line.isEmpty, line.count + 1 + word.count > width - indent {
                lines.append(line)
                line = ""
            }
            line += (line.isEmpty ? "" : " ") + word
        }
        if !line.isEmpty { lines.append(line) }
        return lines.map { String(repeating: " ", count: indent) + $0.replacing("\u{A0}", with: " ") }
    }
}

extension Double {
    /// With as many decimals as matter.
    var brief: String {
        if self == rounded(), magnitude < 1e6 { return "\(Int(self))" }
        if magnitude >= 1000 || magnitude < 0.001 { return String(format: "%.2g", self) }
        return formatted(magnitude >= 100 ? 1 : 3)
    }
}
