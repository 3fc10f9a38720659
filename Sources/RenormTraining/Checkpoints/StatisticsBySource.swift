import Foundation
import RenormArrays
import RenormGraphs
import RenormImages
import RenormLayers

/// Statistics by source of the data, as a run keeps them (`TrainingConfiguration.statisticsBySource`): each statistic and counter is
/// one array, in which the sources' follow one another.
struct StatisticsBySource {
    /// What the sources are called, in their order.
    let names: [String]
    private let model: Model
    private let specifications: [VariableSpecification]

    /// - Parameter model: The network; its values are not looked at.
    init(_ names: [String], of model: Model) throws {
        self.names = names
        self.model = model
        specifications = try model.specifications()
    }

    private var own: [VariableSpecification] {
        specifications.filter { $0.kind == .statistic || $0.kind == .counter }
    }

    /// What a run's state holds in place of what the network has.
    var stacked: [VariableSpecification] {
        specifications.map { specification in
            guard specification.kind == .statistic || specification.kind == .counter else {
                return specification
            }
            var result = specification
            result.shape = TensorShape([names.count] + specification.shape.dimensions)
            return result
        }
    }

    /// The statistics of a source.
    ///
    /// - Parameter value: Gives what the state holds at a path.
    func statistics(of source: Int, _ value: (String) throws -> NDArray) rethrows -> Variables {
        var result = Variables()
        for specification in own {
            result[specification.path] = Variable(
                kind: specification.kind,
                value: try value(specification.path).rows(source..<source + 1).reshaped(
                    to: specification.shape))
        }
        return result
    }

    /// The network that a state is of, with what all sources together have for its own statistics, and the sources' beside it.
    func unstacked(_ variables: Variables) throws -> (variables: Variables, domains: [StatisticsDomain]) {
        let parts = names.indices.map { statistics(of: $0) { variables[$0]!.value } }
        var result = variables
        for (path, variable) in try pooled(parts) { result[path] = variable }
        let domains = try zip(names, parts).map { name, part in
            var inSource = model
            inSource.variables = part
            return try StatisticsDomain(name, of: inSource)
        }
        return (result, domains)
    }

    /// The statistics of all sources together: mean and variance by the law of total variance, each source counted by its
    /// batches; of other statistics the mean, and of counters the sum.
    private func pooled(_ parts: [Variables]) throws -> Variables {
        var result = Variables()
        for specification in own {
            let values = parts.map { $0[specification.path]!.value }
            var sum = [Double](repeating: 0, count: specification.shape.elementCount)
            for value in values { for (index, number) in value.doubles.enumerated() { sum[index] += number } }
            let isCounter = specification.kind == .counter
            let number = isCounter ? 1 : Double(parts.count)
            result[specification.path] = Variable(
                kind: specification.kind,
                value: NDArray(sum.map { $0 / number }, shape: specification.shape)
                    .converted(to: values[0].type))
        }
        for record in try model.tracedNormalizations() {
            let epsilon = record.normalization.epsilon
            guard let kind = record.normalization.kind as? any PopulationNormalization else { continue }
            let populations = parts.compactMap { part in
                kind.population({ part[record.place($0)]?.value }, epsilon: epsilon)
            }
            guard populations.count == parts.count else { continue }
            let pooled = Population(pooling: populations, epsilon: epsilon)
            for (name, value) in try kind.statistics(of: pooled, epsilon: epsilon, path: record.path)
            where name != NormalizationStatistic.batchCount.name {
                let place = record.place(name)
                guard let type = result[place]?.value.type else { continue }
                result[place]?.value = value.converted(to: type)
            }
        }
        return result
    }
}

extension Population {
    /// The population of several together: Σ w·μ, and Σ w·(v + (μ_s − μ)²).
    init(pooling parts: [Population], epsilon: Double) {
        let counts = parts.map { $0.batchCount?.doubles.first ?? 0 }
        let total = counts.reduce(0, +)
        let weights = counts.map { total > 0 ? $0 / total : 1 / Double(parts.count) }
        let means = parts.map(\.mean.doubles)
        let variances = parts.map { part in
            switch part.spread {
            case .variance(let values, let own): values.doubles.map { $0 + own - epsilon }
            case .deviation(let values): values.doubles.map { $0 * $0 - epsilon }
            }
        }
        let mean = means[0].indices.map { channel in
            zip(weights, means).reduce(0) { $0 + $1.0 * $1.1[channel] }
        }
        let variance = mean.indices.map { channel in
            parts.indices.reduce(0) { sum, part in
                let gap = means[part][channel] - mean[channel]
                return sum + weights[part] * (variances[part][channel] + gap * gap)
            }
        }
        self.init(
            mean: NDArray(mean, shape: [mean.count]),
            spread: .variance(
                NDArray(variance.map { max($0, 0) }, shape: [mean.count]), epsilon: epsilon),
            batchCount: parts[0].batchCount)
    }
}

extension Variable {
    /// The same value as often as a shape with another first axis has room for.
    func stacked(to shape: TensorShape) -> Variable {
        guard shape != value.shape, shape.rank == value.shape.rank + 1 else { return self }
        let one = value.reshaped(to: TensorShape([1] + value.shape.dimensions))
        return Variable(
            kind: kind, value: NDArray(joining: [NDArray](repeating: one, count: shape[0])))
    }
}

extension Dataset {
    /// What its sources are called as domains, in their order, each by another name.
    package var domainNames: [String] {
        var known: Set<String> = []
        return sources.map { source in
            // A part of data is called after the whole.
            let whole = source.components(separatedBy: ", ")[0]
            let name = StatisticsDomain.name(from: whole)
            var (unique, number) = (name, 2)
            while !known.insert(unique).inserted || unique == StatisticsDomain.own {
                unique = "\(name.suffix(60))_\(number)"
                number += 1
            }
            return unique
        }
    }

    /// The examples of each source, those of sources without any left out.
    package var bySource: [(source: Int, places: [Int], examples: Dataset)] {
        var places = [[Int]](repeating: [], count: sources.count)
        for (place, source) in sourceOfExamples.enumerated() { places[source].append(place) }
        return places.enumerated().filter { !$1.isEmpty }.map { ($0, $1, subset($1)) }
    }
}
