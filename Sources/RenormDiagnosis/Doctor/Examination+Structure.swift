import RenormArrays
import RenormGraphs
import RenormLayers

extension Examination {
    /// What can be seen without running anything: what is not finite, scales of 0, averages that nothing has moved. What cannot be
    /// computed with is mended, so that everything else can be measured.
    ///
    /// - Returns: Whether there is anything to be measured.
    func testStructure() -> Bool {
        testFaults()
        guard testParameters() else { return false }
        testGammas()
        testReset()
        return true
    }

    /// The layer that a variable is of.
    private func layer(of path: String) -> String {
        path.lastIndex(of: ".").map { String(path[..<$0]) } ?? path
    }

    /// Layers whose averages were mended, and have to be measured before they can be said to be anything.
    var mended: [String] {
        var known: Set<String> = []
        return subject.faults.map { layer(of: $0.path) }.filter { known.insert($0).inserted }
    }

    /// Statistics that are not finite, or below 0. They cost everything, so what they cost is said once the rest was measured.
    private func testFaults() {
        for path in mended {
            let own = subject.faults.filter { layer(of: $0.path) == path }
            add(
                Finding(
                    .notFinite, layer: path, loss: .nan, accuracy: .nan,
                    evidence: [
                        "channels": Double(own.map(\.count).max() ?? 0),
                        "channel": Double(own.first?.channel ?? 0), "found": own.first?.found ?? .nan,
                    ],
                    note: own.map { "\($0.path) is \($0.found) in \($0.count) channels" }
                        .joined(separator: "; ")))
        }
    }

    /// Parameters that are not finite: nothing can be measured then.
    private func testParameters() -> Bool {
        var isFinite = true
        for (path, variable) in model.variables where variable.kind == .parameter && !variable.value.isFinite
        {
            isFinite = false
            let count = variable.value.doubles.filter { !$0.isFinite }.count
            add(
                Finding(
                    .notFinite, layer: layer(of: path), loss: .nan, accuracy: .nan,
                    evidence: ["values": Double(count)], note: "\(path) is not finite in \(count) places",
                    remedy: Finding.Remedy(
                        "train again from the last checkpoint that is finite: no averages mend weights")))
        }
        return isFinite
    }

    private func testGammas() {
        for record in records where record.normalization.scale {
            guard let gamma = model.variables[record.place("weight")]?.value.doubles, !gamma.isEmpty else {
                continue
            }
            let zeros = gamma.filter { $0 == 0 }.count
            guard zeros == gamma.count else { continue }
            add(
                Finding(
                    .zeroGamma, layer: record.path, loss: .nan, accuracy: .nan,
                    evidence: ["channels": Double(zeros)],
                    note: "the layer gives β whatever comes",
                    remedy: Finding.Remedy(
                        "restore weights from a checkpoint where it is not: averages cannot mend it")))
        }
    }

    /// Averages that are exactly those of a new network.
    private func testReset() {
        // Told by the network's own averages: measured in the chain they would be anything.
        let reset = moving.filter { isReset($0) && !mended.contains($0.path) }
        guard !reset.isEmpty else { return }
        resetLayers = Set(reset.map(\.path))
    }

    private func isReset(_ record: NormalizationRecord) -> Bool {
        guard let own = stored[record.path] else { return false }
        // A deviation with ε inside is 1 where a variance is 1 − ε.
        let epsilon = record.normalization.epsilon
        return own.means.allSatisfy { $0 == 0 }
            && own.variances.allSatisfy { $0 == 1 || abs($0 + epsilon - 1) < 1e-6 }
    }
}
