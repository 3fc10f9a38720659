import Foundation
import RenormArrays

/// The last looks at each layer, and what has been said of it.
///
/// One batch tells averages that lag from a batch that is unlike the others as little as one throw tells a loaded die. So a layer
/// is judged by several looks: by the median of how far its modes are apart, and by how much of the energy of what separates a
/// batch from the averages, Σ z², is in its mean over the looks, Σ (mean z)². That is 1 where the averages are off in the same
/// way every time, and 1 / looks where they are right and batches differ at random.
struct WatchMemory {
    /// The looks that a judgement takes.
    static let looks = 4
    /// How far training and inference may be apart where averages are to blame: a tenth of a run is over. Averages of `small` that
    /// lag by 2,000 steps are at 0.45 to 0.75.
    static let ofAverages = 0.4
    /// The same where batches are, in the second half of a run: at a high rate batches of 16 that are drawn independently come to 0.36
    /// at first, and to 0.15 later.
    static let ofBatches = 0.2
    /// From which part of the energy on the averages are to blame.
    static let systematicPart = 0.6
    /// The part of r or d, or of the channels, that may be at a limit or constant.
    static let part = 0.5

    private var memory: [String: [LayerLook]] = [:]
    private var said: Set<String> = []

    /// - Parameter said: What an earlier session of the run has said.
    init(said: [WatchWarning] = []) {
        for warning in said { self.said.insert(WatchMemory.key(warning.layer, warning.reason)) }
    }

    private static func key(_ layer: String, _ reason: WatchWarning.Reason) -> String {
        "\(reason.rawValue) \(layer)"
    }

    /// Keeps looks and says what is to be said for the first time.
    ///
    /// - Parameters:
    ///   - step: Steps made.
    ///   - steps: The steps of the run. At its beginning weights change faster than averages can follow.
    mutating func add(_ looks: [LayerLook], step: Int, of steps: Int) -> [WatchWarning] {
        looks.flatMap { look -> [WatchWarning] in
            let path = look.watch.path
            let kept = (memory[path] ?? []).suffix(WatchMemory.looks - 1) + [look]
            memory[path] = Array(kept)
            guard kept.count == WatchMemory.looks, step > steps / 10 else { return [] }
            return WatchMemory.findings(Array(kept), isLate: step > steps / 2).compactMap { reason, message in
                guard said.insert(WatchMemory.key(path, reason)).inserted else { return nil }
                return WatchWarning(layer: path, reason: reason, step: step, message: "\(path): \(message)")
            }
        }
    }

    private static func findings(_ looks: [LayerLook], isLate: Bool) -> [(WatchWarning.Reason, String)] {
        var result: [(WatchWarning.Reason, String)] = []
        func median(_ value: (LayerWatch) -> Double?) -> Double {
            let sorted = looks.map { value($0.watch) ?? 0 }.sorted()
            return (sorted[(sorted.count - 1) / 2] + sorted[sorted.count / 2]) / 2
        }
        func percent(_ part: Double) -> String { "\((part * 100).text("%.0f")) %" }
        let difference = median(\.difference)
        let found = "what it gives in training is \(percent(difference)) off what it would give at inference"
        if systematicPart(looks) > systematicPart {
            if difference > ofAverages {
                result.append(
                    (
                        .staleAverages,
                        "\(found), and every time in the same way, so its moving averages lag behind; expected less than "
                            + "\(percent(ofAverages)). Raise the averaging rate, lower the learning rate, or measure the "
                            + "averages anew when training has ended"
                    ))
            }
        } else if isLate, difference > ofBatches, looks.allSatisfy({ $0.watch.r == nil }) {
            // A correction whose limits are still closed has its time to come.
            result.append(
                (
                    .differingBatches,
                    "\(found), and every time in another way, so batches are too small or too unlike each other; expected "
                        + "less than \(percent(ofBatches)). Normalize more examples together, draw them independently, or "
                        + "use batch renormalization"
                ))
        }
        let (r, d) = (median(\.rAtLimit), median(\.dAtLimit))
        if max(r, d) > part {
            result.append(
                (
                    .atLimits,
                    "\(percent(r)) of r and \(percent(d)) of d are at their limits; expected less than "
                        + "\(percent(part)). Batches are so far from the averages that the correction does not bridge it: "
                        + "open the limits later, or raise the averaging rate"
                ))
        }
        let constant = median(\.constantChannels)
        if constant > part {
            result.append(
                (
                    .constantChannels,
                    "\(percent(constant)) of its channels have the same value everywhere; expected less than "
                        + "\(percent(part)). Nothing passes there any more: lower the learning rate, or begin with a warm-up"
                ))
        }
        return result
    }

    /// How much of what separates batches from the averages is the same at every look, 0 to 1.
    static func systematicPart(_ looks: [LayerLook]) -> Double {
        var (common, all) = (0.0, 0.0)
        for lag in [\LayerLook.meanLag, \.scaleLag] {
            for channel in looks[0][keyPath: lag].indices {
                let values = looks.map { $0[keyPath: lag][channel] }
                let mean = values.reduce(0, +) / Double(values.count)
                common += mean * mean
                all += values.reduce(0) { $0 + $1 * $1 } / Double(values.count)
            }
        }
        return all > 0 ? common / all : 0
    }
}
