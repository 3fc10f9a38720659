import Renorm

/// The layers whose gradients, activations or variances stand out, as a table; no lines where none does.
struct LearningTable {
    private let diagnosis: Diagnosis

    init(_ diagnosis: Diagnosis) { self.diagnosis = diagnosis }

    /// What is usual of a layer's ‖gradient‖/‖weight‖ beside what ratios are compared with.
    private static let usual = 1e-3...1e3
    /// The part of an activation's values at its limit, and of a normalization's channels below ε, from which on it is shown.
    private static let (limited, below) = (0.1, 0.5)
    private static let most = 10

    /// What is shown of a layer.
    private struct Row {
        var ratio: Double?
        var update: Double?
        var saturated: Double?
        var below: Int?
    }

    var lines: [String] {
        var (order, rows): ([String], [String: Row]) = ([], [:])
        func show(_ path: String, _ change: (inout Row) -> Void) {
            if rows[path] == nil { order.append(path) }
            change(&rows[path, default: Row()])
        }
        let layers = (diagnosis.gradients ?? []).layers
        let usual = (diagnosis.gradients ?? []).usualRatio
        for layer in layers {
            guard let ratio = layer.ratio else { continue }
            let isUsual = usual > 0 ? Self.usual.contains(ratio / usual) : ratio == 0
            if !isUsual { show(layer.path) { ($0.ratio, $0.update) = (ratio, layer.update) } }
        }
        for activation in diagnosis.activations ?? [] where activation.saturated > Self.limited {
            show(activation.path) { $0.saturated = activation.saturated }
        }
        for layer in diagnosis.layers {
            guard let count = layer.channelsBelowEpsilon, Double(count) > Self.below * Double(layer.channels)
            else { continue }
            show(layer.path) { $0.below = count }
        }
        guard !order.isEmpty else { return [] }
        var cells = order.prefix(Self.most).map { path in
            let row = rows[path]!
            return [
                DoctorText.short(path), row.ratio?.brief ?? "", row.update?.brief ?? "",
                row.saturated?.percent ?? "", row.below.map { "\($0)" } ?? "",
            ]
        }
        if order.count > Self.most { cells.append(["and \(order.count - Self.most) more", "", "", "", ""]) }
        return Table(
            ["stands out", "gradient/weight", "step/weight", "saturated", "σ² < ε"], right: [1, 2, 3, 4]
        ).lines(cells)
    }
}
