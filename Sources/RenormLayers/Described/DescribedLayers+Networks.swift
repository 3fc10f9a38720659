import RenormArrays
import RenormGraphs

extension DescribedLayers {
    static func registerNetworks(in table: Registry<Row>) {
        table.register(
            networkKind,
            Row("a network of the table without its last layer, which gives features", short: "model") {
                options in
                guard let name = try options.text("model") else {
                    throw options.failure(
                        of: "model", found: "nothing",
                        expected: "one of \(Networks.table.forms.joined(separator: ", "))")
                }
                guard let (network, _) = Networks.table.find(name) else {
                    let fault = Networks.table.fault(of: name)
                    throw options.failure(of: "model", found: fault.found, expected: fault.expected)
                }
                let stem = try options.text("stem") ?? Stem.imagenet.rawValue
                guard let stem = Stem(rawValue: stem), network.hasStem || stem == .imagenet else {
                    throw options.failure(
                        of: "stem", found: "'\(stem)'",
                        expected: network.hasStem ? "cifar or imagenet" : "none, since \(name) has no choice")
                }
                return Features(
                    name: name, stem: network.hasStem ? stem : .cifar, normalization: options.normalization)
            })
    }

    /// What a network inside a description is called there.
    static let networkKind = "network"
}

/// A network of the table without its last layer.
struct Features: Layer {
    /// The name in the table.
    var name: String
    /// How images enter it.
    var stem: Stem
    /// The normalization of every layer.
    var normalization: Normalization

    func callAsFunction(_ x: Tensor, _ scope: Scope) throws -> Tensor {
        try x.requireImages(DescribedLayers.networkKind)
        let architecture = Architecture(
            name: name, stem: stem, classes: 1000, input: TensorShape(Array(x.shape.dimensions.dropFirst())),
            normalization: normalization)
        let layer = try architecture.makeLayer()
        guard let last = try architecture.headPaths().first?.split(separator: ".").dropLast() else {
            throw GraphError.option(
                operation: DescribedLayers.networkKind, path: scope.path,
                found: "\(name), which has no last layer",
                expected: "a network for classes")
        }
        let path = (scope.path.isEmpty ? [] : [scope.path]) + last.map(String.init)
        return try scope.removing(PathPattern(path.joined(separator: "."))) { try layer(x, scope) }
    }
}

extension NetworkDescription {
    /// What other frameworks call the variables of the networks in it, whose own names come first there, and of layers that are
    /// called the same.
    var otherNames: [NameTable] {
        let inside = layers.enumerated().compactMap { place, layer -> [NameTable]? in
            guard layer.kind == DescribedLayers.networkKind else { return nil }
            let name: String? =
                switch layer.options {
                case .text(let text): text
                case .map(let values): if case .text(let text)? = values["model"] { text } else { nil }
                default: nil
                }
            guard let name, let network = Networks.table.find(name)?.value else { return nil }
            let architecture = Architecture(
                name: name, stem: .imagenet, classes: 1000, input: network.image,
                normalization: network.normalization)
            // Its last layer is not there, and a layer after it may have that name.
            let head = (try? architecture.headPaths().first).map {
                $0.prefix(through: $0.lastIndex(of: ".") ?? $0.startIndex)
            }
            return network.otherNames.map { table in
                NameTable(
                    table.framework,
                    table.rules.filter { rule in head.map { !rule.ours.hasPrefix($0) } ?? true }.map { rule in
                        .init(rule.theirs, "\(layer.name ?? "\(place)").\(rule.ours)", axes: rule.axes)
                    })
            }
        }
        // Of a network that has fewer tables than others its last one serves again.
        return (0..<(inside.map(\.count).max() ?? 0)).map { index in
            let tables = inside.compactMap { $0.isEmpty ? nil : $0[min(index, $0.count - 1)] }
            return NameTable(tables[0].framework, tables.flatMap(\.rules) + NameTable.keras.rules)
        }
    }
}

extension NameTable {
    /// Keras' names of the variables of layers that are called the same: `layer/kernel`, `layer/gamma`, `layer/moving_mean`.
    public static let keras = NameTable(
        "Keras",
        [
            .init("*/depthwise_kernel", "*.weight", axes: [2, 3, 0, 1]),
            .init("*/kernel", "*.weight", axes: [3, 2, 0, 1]), .init("*/kernel", "*.weight", axes: [1, 0]),
            .init("*/gamma", "*.weight"), .init("*/beta", "*.bias"), .init("*/bias", "*.bias"),
            .init("*/moving_mean", "*.running_mean"), .init("*/moving_variance", "*.running_var"),
        ])
}
