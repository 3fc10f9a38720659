import Renorm
import RenormTestSupport
import Testing

/// Applies the same dense layer twice, sharing its variables or not.
private struct Twice: Layer {
    var shares: Bool

    func callAsFunction(_ x: Tensor, _ scope: Scope) throws -> Tensor {
        let scope = shares ? scope.sharing() : scope
        let y = try scope.apply("fc", Dense(3), to: x)
        return try scope.apply("fc", Dense(3), to: y)
    }
}

/// Two layers, traced in one order or the other.
private struct Pair: Layer {
    var reversed: Bool

    func callAsFunction(_ x: Tensor, _ scope: Scope) throws -> Tensor {
        let parts: [(String, any Layer)] = [("a", Dense(4)), ("b", Convolution(2, kernel: 3))]
        let results = try (reversed ? parts.reversed() : parts).map { name, layer in
            let y = try scope.apply(
                name, layer, to: name == "a" ? x.globalAveragePool() : x)
            return try y.sum()
        }
        return try results[0] + results[1]
    }
}

@Suite struct ScopeTests {
    @Test func askingTwiceForAPathIsAnError() {
        let error = #expect(throws: GraphError.duplicateVariable(path: "fc.weight")) {
            try Model(Twice(shares: false), input: [3])
        }
        #expect(
            error?.description
                == "The variable 'fc.weight' was asked for twice; expected each path once. "
                + "Give the second layer a name of its own, or share it on purpose.")
    }

    @Test func sharingOnPurposeAddsTheGradientsOfBothUses() throws {
        let model = try Model(Twice(shares: true), input: [3], seed: 4)
        #expect(model.variables.paths == ["fc.weight", "fc.bias"])
        let problem = try model.gradientMismatch(
            randomArray([2, 3]), weights: randomArray([2, 3], seed: 2))
        #expect(problem == nil)
    }

    @Test func initialValuesAreFunctionsOfSeedAndPathAlone() throws {
        let forward = try Model(Pair(reversed: false), input: [5, 5, 3], seed: 8).variables
        let backward = try Model(Pair(reversed: true), input: [5, 5, 3], seed: 8).variables
        #expect(forward.paths != backward.paths)
        for (path, variable) in forward { #expect(backward[path] == variable) }
        let other = try Model(Pair(reversed: false), input: [5, 5, 3], seed: 9).variables
        #expect(other["a.weight"] != forward["a.weight"])
        #expect(forward["a.weight"]!.value.floats != Array(forward["b.weight"]!.value.floats.prefix(12)))
    }

    @Test func weightsStartAsTorchvisionsAndBiasesAtZero() throws {
        let model = try Model(
            Sequential {
                Convolution(96, kernel: 3).named("conv")
                Convolution(96, kernel: 3, groups: 4).named("grouped")
                Flatten()
                Dense(64).named("fc")
            }, input: [4, 4, 32], seed: 5)
        func deviation(_ path: String) -> Double {
            let values = model.variables[path]!.value.doubles
            return (values.map { $0 * $0 }.reduce(0, +) / Double(values.count)).squareRoot()
        }
        // He, fan-out: √(2 / (96 · 9)), groups or not.
        #expect(abs(deviation("conv.weight") - (2.0 / 864).squareRoot()) < 0.001)
        #expect(abs(deviation("grouped.weight") - (2.0 / 864).squareRoot()) < 0.001)
        let bound = 1 / Double(16 * 96).squareRoot()
        let weights = model.variables["fc.weight"]!.value.doubles
        #expect(weights.allSatisfy { abs($0) <= bound } && weights.map(abs).max()! > 0.99 * bound)
        for path in ["conv.bias", "fc.bias"] {
            #expect(model.variables[path]!.value.doubles.allSatisfy { $0 == 0 })
        }
    }

    @Test func weightDecayIsForWeightsOfConvolutionsAndDenseLayers() throws {
        let small = Small(classes: 4, width: 0.25, normalization: Normalization(.batchRenorm))
        let graph = try Model(small, input: [8, 8, 1]).graph(batch: 2)
        let decaying = graph.variables.values.filter(\.decays).map(\.path)
        #expect(decaying == (1...5).map { "conv\($0).weight" } + ["fc.weight"])
    }

    @Test func copyingAModelCopiesItsStatistics() throws {
        let original = try Model(Normalization(.batch), input: [2, 2, 3])
        var copy = original
        copy.variables["running_mean"]!.value.withMutableValues(of: Float.self) { $0[1] = 5 }
        #expect(original.variables["running_mean"]!.value.doubles == [0, 0, 0])
        #expect(copy.variables["running_mean"]!.value.doubles == [0, 5, 0])
        copy.overrides.append(.freeze("**"))
        #expect(original.overrides.isEmpty)
    }

    @Test func kindsAndTypesOfVariables() throws {
        let model = try Model(Normalization(.batchRenorm).named("bn"), input: [2, 2, 3])
        let found = model.variables.map { "\($0.path) \($0.variable.kind) \($0.variable.value.type)" }
        #expect(
            found == [
                "bn.weight parameter f32", "bn.bias parameter f32", "bn.running_mean statistic f32",
                "bn.running_std statistic f32", "bn.gains statistic f32", "bn.innovations statistic f32",
                "bn.num_batches_tracked counter i64",
            ])
    }
}
