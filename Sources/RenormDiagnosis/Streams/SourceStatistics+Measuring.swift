import RenormArrays
import RenormEngines
import RenormGraphs
import RenormLayers
import RenormTraining

extension SourceStatistics {
    /// Measures how images scatter in a network, in one pass at inference.
    ///
    /// - Parameters:
    ///   - images: Images of the source in any order, some thousands of them; all are held as 2C numbers a layer.
    ///   - labels: The class of each image in the same order, where classes' means are to be kept.
    ///   - rank: How many directions are kept in a layer at most; `nil`: all.
    /// - Throws: `StreamError`; what the engine and the images throw.
    public static func measure(
        _ model: Model, on images: ImageBatches, labels: [Int32]? = nil, rank: Int? = nil, engine: any Engine
    ) throws -> SourceStatistics {
        let network = try StreamedNetwork(model)
        let store = try engine.makeStore(network.model.variables)
        var samples = network.records.map { MomentSamples(channels: $0.input[-1]) }
        var runners: [Int: GraphRunner] = [:]
        let next = try images.open()
        while let batch = try next() {
            let size = batch.shape.rank > 0 ? batch.shape[0] : 0
            guard batch.shape == TensorShape([size] + model.input.dimensions) else {
                throw StreamError.images(
                    found: batch.shape, expected: TensorShape([size] + model.input.dimensions))
            }
            let runner = try runners[size] ?? network.imageMoments(batch: size, on: engine)
            runners[size] = runner
            runner.feed("images", batch)
            try runner.run(on: store)
            for place in samples.indices {
                let values = try runner.result("\(place)").floats
                guard values.allSatisfy(\.isFinite) else {
                    throw StreamError.notFinite(what: images.name, path: network.records[place].path)
                }
                samples[place].add(values, images: size)
            }
        }
        let count = samples[0].images
        guard count >= 2 else {
            throw StreamError.malformed(
                what: images.name, found: "\(count) images", expected: "at least 2, better some thousands")
        }
        if let labels, labels.count != count {
            throw StreamError.malformed(
                what: images.name, found: "\(labels.count) labels", expected: "\(count), one for each image")
        }
        return SourceStatistics(
            layers: zip(network.records, samples).map { record, samples in
                samples.layer(
                    path: record.path, mean: network.average("running_mean", of: record),
                    power: network.average("running_var", of: record).map {
                        $0 + record.normalization.epsilon
                    },
                    labels: labels, rank: rank)
            }, images: count)
    }
}

extension StreamedNetwork {
    /// A graph that gives the moments of each image before each normalization, `[2, N, C]` by its place.
    fileprivate func imageMoments(batch: Int, on engine: any Engine) throws -> GraphRunner {
        let builder = GraphBuilder()
        let traced = try model.trace(
            builder.input("images", shape: TensorShape([batch] + model.input.dimensions)), on: builder,
            phase: .inference)
        for (place, path) in records.map(\.path).enumerated() {
            let record = traced.normalizations.first { $0.path == path }!
            let x = builder.tensor(record.source)
            let images = x.shape.rank == 4 ? x : try x.reshaped(to: [batch, 1, 1, x.shape[1]])
            builder.fetch(try images.momentVectors(groups: batch), as: "\(place)")
        }
        return try GraphRunner(builder.graph.pruned().orderedByResults(), on: engine)
    }
}

/// The moments of images before one normalization.
private struct MomentSamples {
    let channels: Int
    var means: [Float] = []
    var variances: [Float] = []

    init(channels: Int) { self.channels = channels }

    var images: Int { means.count / channels }

    mutating func add(_ moments: [Float], images: Int) {
        means += moments[..<(images * channels)]
        variances += moments[(images * channels)...]
    }

    func layer(path: String, mean: [Double], power: [Double], labels: [Int32]?, rank: Int?)
        -> SourceStatistics.Layer
    {
        let (count, width) = (images, 2 * channels)
        var spread = [Double](repeating: 0, count: channels)
        for image in 0..<count {
            for channel in 0..<channels { spread[channel] += Double(variances[image * channels + channel]) }
        }
        // A channel that never varies has no logarithm; one that hardly does says nothing.
        for channel in 0..<channels {
            spread[channel] = max(spread[channel] / Double(count), 1e-6 * power[channel])
        }
        let floor = BayesianShift.floorPart
        var rows = [Double](repeating: 0, count: count * width)
        for image in 0..<count {
            for channel in 0..<channels {
                let place = image * channels + channel
                rows[image * width + channel] =
                    (Double(means[place]) - mean[channel]) / power[channel].squareRoot()
                rows[image * width + channels + channel] =
                    0.5 * ((Double(variances[place]) / spread[channel] + floor) / (1 + floor)).naturalLog
            }
        }
        var center = [Double](repeating: 0, count: width)
        for image in 0..<count { for k in 0..<width { center[k] += rows[image * width + k] } }
        for k in 0..<width { center[k] /= Double(count) }
        for image in 0..<count { for k in 0..<width { rows[image * width + k] -= center[k] } }
        let covariance = symmetricProduct(rows, count: count, width: width)
        let eigen = SymmetricEigenvectors(of: covariance, count: width)
        // More directions than images less one have no variance; what rounding makes of it is nothing below 0.
        let known = min(max(rank ?? width, 1), width)
        var basis = NDArray(uninitialized: [width, known])
        basis.withMutableValues(of: Float.self) { basis in
            for direction in 0..<known {
                for k in 0..<width {
                    basis[k * known + direction] = Float(eigen.vectors[direction * width + k])
                }
            }
        }
        let others = eigen.values[known...].map { max($0, 0) }
        func array(_ values: [Double]) -> NDArray { NDArray(values.map { Float($0) }, shape: [values.count]) }
        return SourceStatistics.Layer(
            path: path, meanVariance: array(spread), center: array(center), basis: basis,
            eigenvalues: array(eigen.values[..<known].map { max($0, 0) }),
            remainder: others.isEmpty ? 0 : others.reduce(0, +) / Double(others.count),
            diagonal: array((0..<width).map { covariance[$0 * width + $0] }),
            classMeans: labels.map { classMeans(rows, $0, width: width) })
    }

    private func classMeans(_ rows: [Double], _ labels: [Int32], width: Int) -> NDArray {
        let classes = Int(labels.max() ?? 0) + 1
        var sums = [Double](repeating: 0, count: classes * width)
        var counts = [Double](repeating: 0, count: classes)
        for (image, label) in labels.enumerated() {
            counts[Int(label)] += 1
            for k in 0..<width { sums[Int(label) * width + k] += rows[image * width + k] }
        }
        return NDArray(
            sums.indices.map { Float(sums[$0] / max(counts[$0 / width], 1)) }, shape: [classes, width])
    }
}

/// XᵀX / n of n rows, in Float64.
func symmetricProduct(_ rows: [Double], count: Int, width: Int) -> [Double] {
    var result = [Double](repeating: 0, count: width * width)
    // Several rows at a time, so that the product is read and written less often.
    let together = 8
    rows.withUnsafeBufferPointer { rows in
        result.withUnsafeMutableBufferPointer { result in
            for start in stride(from: 0, to: count, by: together) {
                let end = min(start + together, count)
                for i in 0..<width {
                    for row in start..<end {
                        let x = rows[row * width + i]
                        let (source, target) = (row * width, i * width)
                        for j in i..<width { result[target + j] += x * rows[source + j] }
                    }
                }
            }
            for i in 0..<width {
                for j in i..<width {
                    result[i * width + j] /= Double(count)
                    result[j * width + i] = result[i * width + j]
                }
            }
        }
    }
    return result
}
