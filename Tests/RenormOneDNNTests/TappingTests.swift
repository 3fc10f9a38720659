import Renorm
import RenormTestSupport
import Testing

/// Looking at activations costs the passes that look, and nothing else.
@Suite struct TappingTests {
    private let engine = Result { try OneDNNEngine(threads: 2) }

    /// Inference with statistics of the activations that are asked for.
    private func graph(
        _ model: Model, batch: Int, _ statistics: [ActivationStatistic] = ActivationStatistic.allCases,
        of isAskedFor: (Tap) -> Bool
    ) throws -> Graph {
        let builder = GraphBuilder()
        let images = builder.input("images", shape: TensorShape([batch] + model.input.dimensions))
        let traced = try model.trace(images, on: builder, phase: .inference)
        builder.fetch(traced.output, as: "logits")
        for tap in traced.taps where isAskedFor(tap) { try builder.fetch(statistics, of: tap) }
        return builder.graph.orderedByResults()
    }

    private func compile(_ graph: Graph) throws -> OneDNNExecutable {
        try #require(try engine.get().compile(graph) as? OneDNNExecutable)
    }

    private func model(_ name: String, side: Int) throws -> Model {
        var model = try Architecture(
            name: name, stem: .imagenet, classes: 10, input: [side, side, 3],
            normalization: Normalization(.batch)
        ).makeModel(seed: 1)
        // Averages, scales and shifts that matter: most channels are neither dead nor never 0.
        for (index, (path, variable)) in model.variables.enumerated() where path.contains("bn") {
            guard variable.kind != .counter else { continue }
            let values = randomArray(variable.value.shape, seed: UInt64(index), deviation: 0.1)
            let isSpread = path.hasSuffix("var") || path.hasSuffix("weight")
            model.variables[path]!.value = NDArray(
                values.doubles.map { Float(isSpread ? 1 + abs($0) : $0) }, shape: values.shape)
        }
        return model
    }

    private func isActivated(_ tap: Tap, _ graph: Graph) -> Bool {
        if case .activation = graph[tap.tensor.id].op { true } else { false }
    }

    private func names(_ executable: OneDNNExecutable) -> [String: Int] {
        Dictionary(executable.measurements.map { ($0.name, 1) }, uniquingKeysWith: +)
    }

    /// Every ReLU of the network, fused or not: the same passes as before, and one for each statistic.
    @Test(arguments: ["resnet18", "resnet50", "mobilenetv2"])
    func whatActivationsGiveIsThere(_ name: String) throws {
        let model = try model(name, side: 64)
        let plain = try compile(model.graph(batch: 2))
        var count = 0
        let tapped = try compile(
            graph(model, batch: 2) {
                guard isActivated($0, $0.tensor.builder.graph) else { return false }
                count += 1
                return true
            })
        #expect(count == ["resnet18": 17, "resnet50": 49, "mobilenetv2": 35][name])
        var expected = names(plain)
        expected["moments", default: 0] += count
        expected["reduce", default: 0] += 3 * count
        #expect(names(tapped) == expected)
        #expect(tapped.plannedMemory.activations <= plain.plannedMemory.activations + vectors(tapped))
    }

    /// Every normalization too: all of them are folded as before. Where a pass activated the normalized values before it
    /// stored them, they are activated in place after they have been looked at.
    @Test(arguments: [("resnet18", 17), ("resnet50", 49)])
    func whatNormalizationsGiveIsThere(_ name: String, _ activated: Int) throws {
        let model = try model(name, side: 64)
        let plain = try compile(model.graph(batch: 2))
        var count = 0
        let tapped = try compile(
            graph(model, batch: 2) {
                guard $0.role == .normalized || isActivated($0, $0.tensor.builder.graph) else { return false }
                count += 1
                return true
            })
        let (before, after) = (names(plain), names(tapped))
        #expect(after["convolution"] == before["convolution"])
        #expect(after["affine"] == nil && before["affine"] == nil)
        #expect(after["moments"] == count)
        #expect(after["reduce"] == before["reduce", default: 0] + 3 * count)
        let programs = { (names: [String: Int]) in
            names.filter { $0.key.hasPrefix("program") }.values.reduce(0, +)
        }
        #expect(programs(after) == programs(before) + activated, "\(after)")
        // No activation has a copy.
        #expect(tapped.plannedMemory.activations <= plain.plannedMemory.activations + vectors(tapped))
    }

    /// What results and their making take beside activations.
    private func vectors(_ executable: OneDNNExecutable) -> Int {
        executable.outputs.reduce(0) { $0 + 64 * (($1.shape.elementCount * 4 + 63) / 64) }
    }

    @Test func valuesAreTheReferences() throws {
        let model = try model("resnet18", side: 32)
        let graph = try graph(model, batch: 2) { $0.role == .normalized || $0.path.hasSuffix("add") }
        let images = randomArray([2, 32, 32, 3], type: .f32)
        let reference = ReferenceEngine(precision: .f64)
        let expected = try reference.compile(graph).run(
            ["images": images], on: reference.makeStore(model.variables))
        let found = try compile(graph).run(
            ["images": images], on: engine.get().makeStore(model.variables))
        #expect(expected.count == 1 + 4 * (20 + 8))
        for (name, value) in expected where !name.hasSuffix("zeros") {
            #expect(mismatch(found[name]!, value, tolerance: 1e-4, absolute: 1e-5, of: name) == nil)
        }
    }
}
