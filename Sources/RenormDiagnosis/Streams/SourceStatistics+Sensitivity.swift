import RenormArrays
import RenormEngines
import RenormGraphs
import RenormLayers

extension SourceStatistics {
    /// The statistics with the sensitivity of each channel: how far gradients of γ and β turn when source images are corrupted.
    ///
    /// It is TTN's prior: the mean over images of 1 − cos of the angle between the gradients (∂L/∂γ, ∂L/∂β) of an image and of the same
    /// image changed; brought to 0…1 over all channels of the network, and squared.
    ///
    /// - Parameters:
    ///   - images: Images of the source, `f32` `[N, H, W, C]` as the network takes them; some hundreds.
    ///   - corrupted: The same images, changed.
    ///   - labels: Their classes.
    /// - Throws: What the engine throws.
    public func measuringSensitivity(
        of model: Model, images: NDArray, corrupted: NDArray, labels: [Int32], engine: any Engine
    ) throws -> SourceStatistics {
        precondition(
            images.shape == corrupted.shape && labels.count == images.shape[0], "as many images as labels")
        let (network, _, _) = try StreamedNetwork(model).under(SourceAverages(), source: nil)
        let paths = layers.map(\.path).filter {
            network.variables["\($0).weight"] != nil && network.variables["\($0).bias"] != nil
        }
        let builder = GraphBuilder()
        let input = builder.input("images", shape: TensorShape([1] + model.input.dimensions))
        var phase = StreamedNetwork.phase
        phase.updatesStatistics = false
        let logits = try network.trace(input, on: builder, phase: phase).output
        let loss = try logits.softmaxCrossEntropy(labels: builder.input("labels", shape: [1], type: .i32))
            .sum()
        let parameters = try paths.flatMap { path in
            try ["weight", "bias"].map { try builder.variable(at: "\(path).\($0)") }
        }
        for (place, gradient) in try builder.gradients(of: loss, for: parameters).enumerated() {
            builder.fetch(gradient, as: "\(place)")
        }
        let runner = try GraphRunner(builder.graph.pruned(), on: engine)
        let store = try engine.makeStore(network.variables)
        func gradients(_ image: NDArray, _ label: Int32) throws -> [[Double]] {
            runner.feed("images", image)
            runner.feed("labels", NDArray([label], shape: [1]))
            try runner.run(on: store)
            return try parameters.indices.map { try runner.result("\($0)").doubles }
        }
        var sums = paths.map { path in
            [Double](repeating: 0, count: network.variables["\(path).weight"]!.value.elementCount)
        }
        for (image, label) in labels.enumerated() {
            let clean = try gradients(images.rows(image..<image + 1), label)
            let changed = try gradients(corrupted.rows(image..<image + 1), label)
            for layer in sums.indices {
                let (a, b, c, d) = (
                    clean[2 * layer], clean[2 * layer + 1], changed[2 * layer], changed[2 * layer + 1]
                )
                for channel in sums[layer].indices {
                    let product = a[channel] * c[channel] + b[channel] * d[channel]
                    let sizes =
                        (a[channel] * a[channel] + b[channel] * b[channel])
                        * (c[channel] * c[channel] + d[channel] * d[channel])
                    // A channel that no gradient reaches is not sensitive.
                    sums[layer][channel] += sizes > 0 ? 1 - product / sizes.squareRoot() : 0
                }
            }
        }
        let (least, most) = (sums.joined().min() ?? 0, sums.joined().max() ?? 1)
        var result = self
        for (path, sum) in zip(paths, sums) {
            let place = result.layers.firstIndex { $0.path == path }!
            result.layers[place].sensitivity = NDArray(
                sum.map { value in
                    let part = most > least ? (value - least) / (most - least) : 0
                    return Float(part * part)
                }, shape: [sum.count])
        }
        return result
    }
}
