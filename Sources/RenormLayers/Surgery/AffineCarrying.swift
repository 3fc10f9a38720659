import RenormArrays
import RenormGraphs

extension Variables {
    /// Gives the normalization at `path` the γ and β with which y = γ·(x − m)/s + β stays what it was while m and s change.
    ///
    /// - Parameters:
    ///   - old: m and s until now, by channel.
    ///   - new: m and s from now on.
    package mutating func carryAffine(
        at path: String, from old: (means: [Double], deviations: [Double]),
        to new: (means: [Double], deviations: [Double])
    ) {
        func place(_ name: String) -> String { path.isEmpty ? name : "\(path).\(name)" }
        let count = old.means.count
        let (weight, bias) = (self[place("weight")], self[place("bias")])
        let gammas = weight?.value.doubles ?? [Double](repeating: 1, count: count)
        let betas = bias?.value.doubles ?? [Double](repeating: 0, count: count)
        let slopes = (0..<count).map { gammas[$0] / old.deviations[$0] }
        func set(_ name: String, _ known: Variable?, _ values: [Double]) {
            let value = NDArray(values, shape: [count]).converted(to: known?.value.type ?? .f32)
            self[place(name)] = Variable(kind: .parameter, value: value)
        }
        set("weight", weight, (0..<count).map { slopes[$0] * new.deviations[$0] })
        set("bias", bias, (0..<count).map { betas[$0] + slopes[$0] * (new.means[$0] - old.means[$0]) })
    }
}
