import RenormLayers

extension Examination {
    /// Pairs of layers whose averages fit when they are exchanged.
    func testSwapped(_ bad: [String], _ best: BestAverages) throws -> [String] {
        var taken: [String] = []
        let byPath = Dictionary(moving.map { ($0.path, $0) }, uniquingKeysWith: { first, _ in first })
        func deviation(_ averages: LayerAverages, at path: String) -> Double {
            let epsilon = byPath[path]!.normalization.epsilon
            return [training[path], population[path]].compactMap {
                $0.map { AveragesDeviation(averages, from: $0, epsilon: epsilon).total }
            }.min() ?? .infinity
        }
        for (place, first) in bad.enumerated() {
            for second in bad.dropFirst(place + 1) where !taken.contains(first) && !taken.contains(second) {
                guard let one = stored[first], let other = stored[second],
                    one.means.count == other.means.count
                else { continue }
                let exchanged = deviation(other, at: first) + deviation(one, at: second)
                let own = (layers[first]?.deviation ?? 0) + (layers[second]?.deviation ?? 0)
                guard exchanged < thresholds.exchange * own else { continue }
                try report(
                    .swappedStatistics, at: [first, second], best,
                    evidence: ["exchanged_deviation": exchanged / own],
                    note: "the averages of \(first) and \(second) stand in each other's place")
                taken += [first, second]
            }
        }
        return taken
    }

    /// Dead channels, and the layers after them whose averages do not know of it.
    func testDeadChannels(_ bad: [String], _ best: BestAverages) throws -> [String] {
        var taken: [String] = []
        for (place, record) in moving.enumerated() {
            guard let dead = layers[record.path]?.deadChannels, !dead.isEmpty else { continue }
            let next = place + 1 < moving.count ? moving[place + 1].path : nil
            // A layer's own averages are no worse for what its ReLU does not let through.
            let own = constantChannels(record).isEmpty ? nil : record.path
            let isFelt = [own, next].compactMap(\.self).filter { bad.contains($0) && !taken.contains($0) }
            guard !isFelt.isEmpty else { continue }
            let before = findings.count
            try report(
                .deadChannels, at: isFelt, best,
                evidence: ["channels": Double(dead.count), "channel": Double(dead[0])],
                note:
                    "\(dead.count) of \(record.input.dimensions.last ?? 0), the first \(dead.prefix(5).map(String.init).joined(separator: ", "))"
            )
            guard findings.count > before else { continue }
            findings[before].layer = record.path
            taken += isFelt
        }
        return taken
    }
}
