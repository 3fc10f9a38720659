import RenormLayers

extension Examination {
    /// Numbers of single layers that say by themselves that a normalization cannot do what it is for. All of them are information: what
    /// they cost inference is measured elsewhere.
    func testNumbers() {
        let measured = records.compactMap { layers[$0.path] }
        let single = measured.filter { $0.valuesOfGroup == 1 }
        if let first = single.first {
            add(
                Finding(
                    .smallGroups, kind: .information, layer: first.path, loss: 0, accuracy: 0,
                    evidence: ["values": 1, "group": Double(group), "layers": Double(single.count)],
                    note: "a group has one value of each channel, its own mean: training sees β alone"))
        }
        let absurd = measured.filter { ($0.absurdChannels ?? 0) > 0 }
        if let worst = absurd.max(by: { ($0.absurdChannels ?? 0) < ($1.absurdChannels ?? 0) }),
            let own = stored[worst.path]
        {
            add(
                Finding(
                    .absurdStatistics, kind: .information, layer: worst.path, loss: 0, accuracy: 0,
                    evidence: [
                        "channels": Double(worst.absurdChannels ?? 0), "layers": Double(absurd.count),
                        "largest_mean": own.means.map(\.magnitude).max() ?? 0,
                        "largest_variance": own.variances.max() ?? 0,
                    ],
                    note: "weights before it, or pixels as they are scaled, are far too large"))
        }
    }
}
