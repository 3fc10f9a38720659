import Foundation
import RenormFormats
import RenormTraining

/// A finding of the doctor, as a run's folder has it (`RunFolder.findings`): what a page shows of it.
public struct ReportedFinding: Sendable, Hashable {
    /// `finding`, `opportunity` or `information`.
    public var kind: String
    /// `high`, `medium` or `low`.
    public var severity: String?
    /// The word of the cause.
    public var cause: String
    /// The layer, where it is one's.
    public var layer: String?
    /// What it costs in nats; `nil` where it cannot be told.
    public var loss: Double?
    /// What it costs in accuracy, as a part of 1.
    public var accuracy: Double?
    /// What speaks for it.
    public var note: String?
    /// What to do.
    public var command: String?
    /// The loss that was measured with it.
    public var measuredLoss: Double?
    /// The accuracy that was measured with it.
    public var measuredAccuracy: Double?
}

extension ReportedFinding: Decodable {
    private struct Remedy: Decodable {
        var command: String?
        var measured_loss: Double?
        var measured_accuracy: Double?
    }

    private enum Key: String, CodingKey {
        case event, kind, severity, cause, layer, loss, accuracy, note, remedy
    }

    /// Reads a line of the doctor's; members that are not known are passed over.
    public init(from decoder: any Decoder) throws {
        let container = try decoder.container(keyedBy: Key.self)
        func number(_ key: Key) throws -> Double? {
            try container.decodeIfPresent(Double.self, forKey: key).flatMap { $0.isFinite ? $0 : nil }
        }
        kind =
            try container.decodeIfPresent(String.self, forKey: .kind)
            ?? container.decode(String.self, forKey: .event)
        severity = try container.decodeIfPresent(String.self, forKey: .severity)
        cause = try container.decode(String.self, forKey: .cause)
        layer = try container.decodeIfPresent(String.self, forKey: .layer)
        loss = try number(.loss)
        accuracy = try number(.accuracy)
        note = try container.decodeIfPresent(String.self, forKey: .note)
        let remedy = try container.decodeIfPresent(Remedy.self, forKey: .remedy)
        command = remedy?.command
        measuredLoss = remedy?.measured_loss
        measuredAccuracy = remedy?.measured_accuracy
    }
}

/// What the doctor says of a run.
public struct ReportedDiagnosis: Sendable, Hashable {
    /// What was found, in the doctor's order.
    public var findings: [ReportedFinding]
    /// The verdict; `nil` where there is none.
    public var isHealthy: Bool?

    /// Reads a run's findings; `nil` where the doctor has not looked at it.
    ///
    /// - Throws: `FormatError.unreadable`; `TrainingError.history` for a line that is none.
    public init?(of folder: RunFolder) throws {
        guard FileManager.default.fileExists(atPath: folder.findings.path) else { return nil }
        let data: Data
        do {
            data = try Data(contentsOf: folder.findings)
        } catch {
            throw FormatError.unreadable(path: folder.findings.path, reason: error.localizedDescription)
        }
        struct Line: Decodable {
            var event: String
            var healthy: Bool?
        }
        findings = []
        for (index, line) in data.split(separator: UInt8(ascii: "\n")).enumerated() {
            do {
                let kind = try JSONCoder.decode(Line.self, from: line)
                switch kind.event {
                case "finding", "opportunity", "information":
                    findings.append(try JSONCoder.decode(ReportedFinding.self, from: line))
                case "verdict": isHealthy = kind.healthy
                default: break
                }
            } catch let error as DecodingError {
                throw TrainingError.history(
                    path: folder.findings.path, line: index + 1, reason: error.placeAndReason)
            }
        }
    }
}
