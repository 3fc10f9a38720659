import RenormArrays

extension NormalizationRecord {
    /// Makes the arrays of a file fit this normalization as far as that needs no arithmetic: a count of batches that is missing,
    /// as in files of PyTorch before 0.4.1, becomes 1; averages that come without gains get unknown ones (0); gains that are of no
    /// use here, or that a conversion makes anew, are left out.
    ///
    /// - Returns: The normalization under which the averages in `arrays` make sense, if it is not this one.
    func fit(_ arrays: inout [String: NDArray]) -> Normalization? {
        guard normalization.kind.hasMovingAverages else { return nil }
        let saved = savedOtherwise(in: arrays)
        let counter = place("num_batches_tracked")
        if arrays[counter] == nil, arrays[place("running_mean")] != nil {
            arrays[counter] = NDArray(scalar: Int64(1))
        }
        let (gains, innovations) = (place("gains"), place("innovations"))
        if !normalization.tunesItself || saved != nil {
            (arrays[gains], arrays[innovations]) = (nil, nil)
        } else if arrays[gains] == nil, let mean = arrays[place("running_mean")], mean.shape.rank == 1 {
            arrays[gains] = NDArray(zeros: [2, 3])
            arrays[innovations] = NDArray(zeros: [2, mean.shape[0]])
        }
        return saved
    }

    private func savedOtherwise(in arrays: [String: NDArray]) -> Normalization? {
        let hasVariance = arrays[place("running_var")] != nil
        let hasDeviation = arrays[place("running_std")] != nil
        var saved = normalization
        if normalization.kind == .batchRenorm, hasVariance, !hasDeviation {
            saved.kind = .batch
        } else if normalization.kind != .batchRenorm, hasDeviation, !hasVariance {
            saved.kind = .batchRenorm
            // Gains that the file may have are of no use here, and left out.
            saved.limits = .open
        } else {
            return nil
        }
        return saved
    }
}
