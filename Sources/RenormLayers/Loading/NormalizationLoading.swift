import RenormArrays

/// How arrays of a file become the statistics of a normalization that may not be the one that wrote them.
extension NormalizationRecord {
    /// Makes the arrays of a file fit this normalization as far as that needs no arithmetic.
    ///
    /// - Returns: The normalization under which the averages in `arrays` make sense, if it is not this one.
    func fit(_ arrays: inout [String: NDArray]) -> Normalization? {
        guard normalization.keepsPopulation else { return nil }
        let saved = savedOtherwise(in: arrays)
        complete(&arrays, asSavedBy: saved ?? normalization)
        return saved
    }

    /// The normalization under which the averages in `arrays` make sense, if it is not this one: another kind in the table
    /// whose statistics are there where this kind's are not.
    private func savedOtherwise(in arrays: [String: NDArray]) -> Normalization? {
        let own = requiredNames(normalization)
        for other in Normalization.ofPopulations {
            let others = requiredNames(other)
            let (missing, there) = (own.subtracting(others), others.subtracting(own))
            guard !there.isEmpty, there.allSatisfy({ arrays[place($0)] != nil }),
                missing.allSatisfy({ arrays[place($0)] == nil })
            else { continue }
            var saved = normalization
            saved.kind = other.kind
            return saved
        }
        return nil
    }

    /// Gives averages that come without them the statistics that need not be in a file, and leaves out those that the
    /// normalization which wrote the file has no use for.
    private func complete(_ arrays: inout [String: NDArray], asSavedBy saved: Normalization) {
        let channels = requiredNames(saved).compactMap { arrays[place($0)]?.shape }
            .first { $0.rank == 1 }?[0]
        let kept = saved.statistics(channels: channels ?? 1)
        for other in Normalization.ofPopulations {
            for statistic in other.statistics(channels: 1)
            where statistic.valueWhereMissing != nil && !kept.contains(where: { $0.name == statistic.name }) {
                arrays[place(statistic.name)] = nil
            }
        }
        guard channels != nil else { return }
        for statistic in kept where arrays[place(statistic.name)] == nil {
            arrays[place(statistic.name)] = statistic.valueWhereMissing.map(statistic.value)
        }
    }

    private func requiredNames(_ normalization: Normalization) -> Set<String> {
        Set(normalization.statistics(channels: 1).filter { $0.valueWhereMissing == nil }.map(\.name))
    }
}

extension Normalization {
    /// One of each kind in the table that keeps moving averages and has no argument.
    fileprivate static var ofPopulations: [Normalization] {
        NormalizationKinds.table.names.compactMap { try? Normalization(parsing: $0) }.filter(
            \.keepsPopulation)
    }
}
