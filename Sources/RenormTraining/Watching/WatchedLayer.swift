import RenormArrays
import RenormGraphs
import RenormLayers

/// A normalization whose batch can be looked at after a step: what the results are called that say what it has seen.
package struct WatchedLayer: Sendable {
    /// The path of the layer.
    let path: String
    /// Whether what groups were normalized with is among the results too.
    private let hasUsed: Bool

    /// Lets a run return what a layer has taken of its batch.
    init(fetching look: BatchLook, on builder: GraphBuilder) {
        path = look.path
        hasUsed = look.used != nil
        builder.fetch(look.moments, as: WatchedLayer.name(look.path, "moments"))
        guard let used = look.used else { return }
        builder.fetch(used.means, as: WatchedLayer.name(look.path, "means"))
        builder.fetch(used.deviations, as: WatchedLayer.name(look.path, "deviations"))
    }

    private static func name(_ path: String, _ what: String) -> String { "watch.\(path).\(what)" }

    /// What the last run saw: moments `[2, G, C]`, and means and deviations `[G, C]` that groups were normalized with.
    func seen(_ result: (String) throws -> NDArray) throws -> SeenBatch {
        let moments = try result(WatchedLayer.name(path, "moments"))
        let used =
            try hasUsed
            ? (
                result(WatchedLayer.name(path, "means")).doubles,
                result(WatchedLayer.name(path, "deviations")).doubles
            ) : nil
        return SeenBatch(groups: moments.shape[1], moments: moments.doubles, used: used)
    }
}

/// The moments that a normalization took of a batch, as numbers.
struct SeenBatch {
    /// The number of groups.
    let groups: Int
    private let moments: [Double]
    private let used: (means: [Double], deviations: [Double])?

    init(groups: Int, moments: [Double], used: (means: [Double], deviations: [Double])?) {
        (self.groups, self.moments, self.used) = (groups, moments, used)
    }

    /// The number of channels.
    var channels: Int { moments.count / 2 / groups }

    private func row(_ values: [Double], _ group: Int) -> [Double] {
        Array(values[group * channels..<(group + 1) * channels])
    }

    /// The means of a group by channel.
    func means(_ group: Int) -> [Double] { row(moments, group) }

    /// The biased variances of a group by channel.
    func variances(_ group: Int) -> [Double] { row(moments, groups + group) }

    /// What a group was normalized with, where that was computed in the graph.
    func used(_ group: Int) -> (means: [Double], deviations: [Double])? {
        used.map { (row($0.means, group), row($0.deviations, group)) }
    }
}
