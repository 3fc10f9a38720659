import Renorm

extension VariablesFile {
    /// A statistic that no network can have, and what is wrong with it.
    struct BadStatistic: Sendable, Hashable {
        /// The variable.
        var path: String
        /// The first channel that is wrong.
        var channel: Int
        /// What is there.
        var found: Double
        /// How many are.
        var count: Int
    }

    /// The file with 0 for means and 1 for spreads where averages are not finite, or a spread is below 0, so that a network can be looked
    /// at that cannot be used; and what was there.
    func mendingStatistics() throws -> (file: VariablesFile, bad: [BadStatistic]) {
        var (mended, bad): ([String: NDArray], [BadStatistic]) = (arrays, [])
        for (path, array) in arrays.sorted(by: { $0.key < $1.key }) {
            let isMean = path.hasSuffix("running_mean")
            guard isMean || path.hasSuffix("running_var") || path.hasSuffix("running_std") else { continue }
            var values = array.doubles
            let wrong = values.indices.filter {
                !Float(values[$0]).isFinite || (!isMean && values[$0] < 0)
            }
            guard let first = wrong.first else { continue }
            bad.append(BadStatistic(path: path, channel: first, found: values[first], count: wrong.count))
            for place in wrong { values[place] = isMean ? 0 : 1 }
            mended[path] = NDArray(values, shape: array.shape).converted(to: array.type)
        }
        return (bad.isEmpty ? self : try replacing(mended), bad)
    }
}

extension VariablesFile {
    /// The file with other arrays under the same names.
    private func replacing(_ arrays: [String: NDArray]) throws -> VariablesFile {
        var metadata = metadata
        if let kinds {
            let lists = Dictionary(grouping: kinds.keys.sorted()) { kinds[$0]!.rawValue }
            metadata["renorm.kinds"] = try JSONCoder.encode(lists)
        }
        return try VariablesFile(path: path, arrays: arrays, metadata: metadata, remarks: remarks)
    }
}
