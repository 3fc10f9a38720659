import RenormArrays
import RenormGraphs
import RenormLayers

extension Examination {
    /// Averages that were made with dropout on: those of a network with it fit, those of the network do not.
    func testDropout(_ best: BestAverages) throws -> Bool {
        let builder = GraphBuilder()
        let dropping = Phase(statistics: .batch, corrects: false, updatesStatistics: false, dropout: true)
        _ = try model.normalizing(together: nil).trace(
            builder.images(model.input, batch: 2), on: builder, phase: dropping)
        guard builder.graph.nodes.contains(where: { if case .random = $0.op { true } else { false } }) else {
            return false
        }
        let few = reference.sample(1024, seed: options.seed)
        let seen = try pass(
            model.normalizing(together: nil), phase: dropping, on: images(few))
        func worst(_ truth: (String) -> LayerAverages?) -> Double {
            moving.compactMap { record in
                stored[record.path].flatMap { own in
                    truth(record.path).map {
                        AveragesDeviation(own, from: $0, epsilon: record.normalization.epsilon).total
                    }
                }
            }.max() ?? .infinity
        }
        let (with, without) = (worst { seen[$0]?.averages }, worst { population[$0] })
        guard with < 0.7 * without else { return false }
        add(
            Finding(
                .dropoutShift, loss: -best.gain.loss, accuracy: best.gain.accuracy,
                evidence: evidence(best.gain, ["deviation": without, "deviation_with_dropout": with]),
                remedy: recalibration(best)))
        return true
    }
}
