import Foundation
import Renorm
import Testing

/// Variables in safetensors files, and models that take them over.
@Suite struct VariablesFileTests {
    private static func model(
        _ normalization: Normalization = Normalization(.batch), classes: Int = 3,
        name: String = "small:0.125",
        seed: UInt64 = 1
    ) throws -> Model {
        try Architecture(name: name, classes: classes, input: [8, 8, 1], normalization: normalization)
            .makeModel(seed: seed)
    }

    /// A model whose statistics are not where they start.
    private static func trained(_ normalization: Normalization = Normalization(.batch)) throws -> Model {
        var model = try model(normalization)
        model.variables = model.variables.mapValues { path, variable in
            var variable = variable
            switch variable.kind {
            case .statistic:
                var random = Random(seed: 5, stream: path)
                let values = (0..<variable.value.elementCount).map { _ in Float(0.5 + random.uniform()) }
                variable.value = NDArray(values, shape: variable.value.shape)
            case .counter: variable.value = NDArray(scalar: Int64(40))
            default: break
            }
            return variable
        }
        return model
    }

    /// The model's variables as a file from elsewhere, without kinds.
    private static func foreign(
        _ variables: Variables, _ change: (inout [String: NDArray]) -> Void = { _ in }
    ) throws -> VariablesFile {
        var arrays = Dictionary(uniqueKeysWithValues: variables.map { ($0.path, $0.variable.value) })
        change(&arrays)
        return try VariablesFile(path: "weights.safetensors", arrays: arrays, metadata: [:])
    }

    private static func logits(_ model: Model) throws -> [Double] {
        let engine = ReferenceEngine(precision: .f64)
        let images = NDArray((0..<128).map { Float($0 % 7) - 3 }, shape: [2, 8, 8, 1])
        return try engine.compile(model.graph(batch: 2)).run(
            ["images": images], on: engine.makeStore(model.variables))["logits"]!.doubles
    }

    @Test("a normalization alone, whose path is empty, converts and counts like any other")
    func normalizationAtTheRoot() throws {
        var model = try Model(Normalization(.batchRenorm), input: [4, 4, 2])
        let file = try VariablesFile(
            path: "weights.safetensors",
            arrays: [
                "weight": NDArray([2, 3], shape: [2]), "bias": NDArray([0, 1], shape: [2]),
                "running_mean": NDArray([5, 6], shape: [2]), "running_var": NDArray([4, 9], shape: [2]),
            ], metadata: [:])
        try model.load(file)
        let deviations = try #require(model.variables["running_std"]).value.doubles
        #expect(zip(deviations, [2, 3]).allSatisfy { abs($0 - $1) < 1e-5 })
        #expect(model.variables["num_batches_tracked"]?.value.doubles == [1])
    }

    @Test("what is written is read: values, kinds, metadata")
    func roundTrip() throws {
        let url = FileManager.default.temporaryDirectory.appendingPathComponent("\(UUID()).safetensors")
        defer { try? FileManager.default.removeItem(at: url) }
        var variables = try Self.trained().variables
        variables["optimizer.momentum.fc.bias"] = Variable(kind: .slot, value: NDArray(zeros: [3]))
        variables["running_mean"] = Variable(kind: .parameter, value: NDArray(zeros: [1]))
        try VariablesFile.write(variables, metadata: ["made by": "a test"], to: url)
        let file = try VariablesFile(reading: url)
        #expect(file.metadata["made by"] == "a test")
        #expect(file.metadata["format"] == "pt")
        // Known by its kind, not by its name.
        #expect(file.kinds?["running_mean"] == .parameter)
        #expect(try file.variables(exactly: variables) == variables)
        var model = try Self.model(seed: 9)
        variables["running_mean"] = nil
        try VariablesFile.write(variables, to: url)
        try model.load(VariablesFile(reading: url))
        #expect(try model.variables == Self.trained().variables)
    }

    @Test("a file from PyTorch: no kinds, other floating-point types")
    func fromElsewhere() throws {
        let source = try Self.trained()
        var model = try Self.model(seed: 9)
        try model.load(
            Self.foreign(source.variables) { arrays in
                for (path, array) in arrays where array.type == .f32 {
                    arrays[path] = array.converted(to: .f64)
                }
            })
        #expect(model.variables == source.variables)
    }

    @Test("no count of batches, as before PyTorch 0.4.1")
    func noCounters() throws {
        let source = try Self.trained()
        var model = try Self.model(seed: 9)
        try model.load(
            Self.foreign(source.variables) { arrays in
                for path in arrays.keys where path.hasSuffix("num_batches_tracked") { arrays[path] = nil }
            })
        #expect(model.variables["bn1.num_batches_tracked"]?.value == NDArray(scalar: Int64(1)))
        #expect(model.variables["bn3.running_var"] == source.variables["bn3.running_var"])
    }

    @Test(
        "gains come with their averages, are unknown where a file lacks them, and stay out where they are of no use"
    )
    func gains() throws {
        let automatic = Normalization(.batchRenorm)
        var source = try Self.model(automatic)
        let known = NDArray([0.3, 1, 0.2, 0.1, 2, -0.1], shape: [2, 3]).converted(to: .f32)
        source.variables["bn1.gains"]!.value = known
        source.variables["bn1.innovations"]!.value.withMutableValues(of: Float.self) { $0[0] = 0.5 }
        var tuned = try Self.model(automatic, seed: 9)
        try tuned.load(Self.foreign(source.variables))
        #expect(tuned.variables["bn1.gains"]?.value == known)
        #expect(tuned.variables["bn1.innovations"] == source.variables["bn1.innovations"])

        var inherited = try Self.model(automatic, seed: 9)
        inherited.variables["bn1.gains"]!.value = known
        try inherited.load(
            Self.foreign(source.variables) { arrays in
                for path in arrays.keys where path.hasSuffix("gains") || path.hasSuffix("innovations") {
                    arrays[path] = nil
                }
            })
        #expect(inherited.variables["bn1.gains"]?.value.doubles == [0, 0, 0, 0, 0, 0])

        var scheduled = try Self.model(Normalization(.batchRenorm(.limits(.open))), seed: 9)
        try scheduled.load(Self.foreign(source.variables))
        #expect(scheduled.variables["bn1.gains"] == nil)
        #expect(scheduled.variables["bn1.running_std"] == source.variables["bn1.running_std"])
    }

    @Test("running_var for batch renorm becomes running_std, and back, and inference stays")
    func conversion() throws {
        let batch = try Self.trained()
        var renorm = try Self.model(Normalization(.batchRenorm), seed: 9)
        try renorm.load(Self.foreign(batch.variables))
        #expect(renorm.variables["bn1.running_var"] == nil)
        #expect(renorm.variables["bn1.gains"]?.value.doubles == [0, 0, 0, 0, 0, 0])
        let deviation = renorm.variables["bn1.running_std"]!.value.doubles[0]
        let variance = batch.variables["bn1.running_var"]!.value.doubles[0]
        #expect(abs(deviation - (variance + 1e-5).squareRoot()) < 1e-7)
        #expect(renorm.variables["bn1.num_batches_tracked"]?.value == NDArray(scalar: Int64(40)))
        let wanted = try Self.logits(batch)
        for (a, b) in zip(try Self.logits(renorm), wanted) { #expect(abs(a - b) < 1e-5) }

        var back = try Self.model(Normalization(.batch), seed: 4)
        try back.load(Self.foreign(renorm.variables))
        for (a, b) in zip(try Self.logits(back), wanted) { #expect(abs(a - b) < 1e-5) }
        var frozen = try Self.model(Normalization(.frozen), seed: 4)
        try frozen.load(Self.foreign(renorm.variables))
        for (a, b) in zip(try Self.logits(frozen), wanted) { #expect(abs(a - b) < 1e-5) }
    }

    @Test("a checkpoint's slots and averages are left out")
    func checkpoint() throws {
        let url = FileManager.default.temporaryDirectory.appendingPathComponent("\(UUID()).safetensors")
        defer { try? FileManager.default.removeItem(at: url) }
        let source = try Self.trained()
        var variables = source.variables
        variables["optimizer.momentum.fc.bias"] = Variable(kind: .slot, value: NDArray(zeros: [3]))
        variables["average.fc.bias"] = Variable(kind: .average, value: NDArray(zeros: [3]))
        try VariablesFile.write(variables, to: url)
        var model = try Self.model(seed: 9)
        try model.load(VariablesFile(reading: url))
        #expect(model.variables == source.variables)
    }

    @Test("except: a classifier for other classes stays as it is")
    func except() throws {
        var source = try Self.model(classes: 5)
        source.variables["conv1.weight"]?.value = NDArray(zeros: [4, 1, 3, 3])
        var model = try Self.model(seed: 9)
        let before = model.variables
        try model.load(Self.foreign(source.variables), except: ["fc"])
        #expect(model.variables["fc.weight"] == before["fc.weight"])
        #expect(model.variables["conv1.weight"] == source.variables["conv1.weight"])
        // The file need not have it at all.
        try model.load(
            Self.foreign(source.variables) {
                $0["fc.weight"] = nil; $0["fc.bias"] = nil
            }, except: ["fc"])
    }

    @Test("statistics that none can be are refused, those of a channel that is always 0 are not")
    func statistics() throws {
        let positive = StatisticBound(minimum: 0, isIncluded: false)
        let least = StatisticBound(minimum: 0, isIncluded: true)
        func loads(
            _ normalization: Normalization, _ path: String, _ value: Float, as saved: Normalization? = nil
        ) throws {
            var model = try Self.model(normalization, seed: 9)
            let before = model.variables
            let foreign = try Self.foreign(Self.trained(saved ?? normalization).variables) {
                $0[path]!.withMutableValues(of: Float.self) { $0[2] = value }
            }
            do {
                try model.load(foreign)
            } catch {
                #expect(model.variables == before)
                throw error
            }
        }
        func expectRefusal(
            of path: String, _ found: Double, _ expected: StatisticBound, _ load: () throws -> Void
        ) throws {
            guard case .unfit(let report) = #expect(throws: VariablesError.self, performing: load) else {
                Issue.record("no report")
                return
            }
            #expect(report.problemCount == 1)
            let problem = try #require(report.outOfBounds.first)
            #expect((problem.path, problem.index, problem.found) == (path, 2, found))
            #expect(problem.expected == expected)
        }
        let (batch, frozen, renorm) = (
            Normalization(.batch), Normalization(.frozen), Normalization(.batchRenorm)
        )
        // Also where the averages are converted.
        for (target, saved) in [(batch, batch), (frozen, frozen), (renorm, batch), (frozen, batch)] {
            try expectRefusal(of: "bn2.running_var", -1, least) {
                try loads(target, "bn2.running_var", -1, as: saved)
            }
            try loads(target, "bn2.running_var", 0, as: saved)
        }
        for (target, saved) in [(renorm, renorm), (batch, renorm), (frozen, renorm)] {
            for value in [Float(0), -0.5] {
                try expectRefusal(of: "bn2.running_std", Double(value), positive) {
                    try loads(target, "bn2.running_std", value, as: saved)
                }
            }
        }
        try expectRefusal(of: "bn1.running_var", 0, positive) {
            try loads(Normalization(.batch, epsilon: 0), "bn1.running_var", 0)
        }
        let refusal = VariablesError.statistic(
            file: "weights.safetensors", path: "bn2.running_std", index: 2, found: 0, expected: positive)
        #expect(
            "\(refusal)"
                == "weights.safetensors: 'bn2.running_std' holds 0.0 at index 2; expected more than 0 everywhere. Fetch or "
                + "save the file again, or use an earlier one.")
        // A part that keeps its values may be anything in the file.
        var model = try Self.model(batch, seed: 9)
        try model.load(
            Self.foreign(Self.trained(batch).variables) {
                $0["bn2.running_var"] = NDArray(repeating: Float(-1), shape: [4])
            }, except: ["bn2"])
    }

    @Test("exactly the variables that are expected, and of values that networks in use have")
    func exact() throws {
        let model = try Self.trained(Normalization(.batchRenorm))
        let bounds = try model.statisticBounds()
        #expect(bounds.count == 2 * 5)
        #expect(
            try Self.foreign(model.variables).variables(exactly: model.variables, bounds: bounds)
                == model.variables)
        let table: [(VariablesError, (inout [String: NDArray]) -> Void)] = [
            (
                .notFinite(file: "weights.safetensors", path: "fc.bias"),
                { $0["fc.bias"] = NDArray(repeating: -Float.infinity, shape: [3]) }
            ),
            (
                // In f32 it is infinite.
                .notFinite(file: "weights.safetensors", path: "fc.bias"),
                { $0["fc.bias"] = NDArray(repeating: 1e300, shape: [3]) }
            ),
            (
                .statistic(
                    file: "weights.safetensors", path: "bn1.running_std", index: 0, found: 0,
                    expected: StatisticBound(minimum: 0, isIncluded: false)),
                { $0["bn1.running_std"] = NDArray(zeros: [4]) }
            ),
            (
                .statistic(
                    file: "weights.safetensors", path: "bn1.num_batches_tracked", index: 0, found: -3,
                    expected: StatisticBound(minimum: 0, isIncluded: true)),
                { $0["bn1.num_batches_tracked"] = NDArray(scalar: Int64(-3)) }
            ),
        ]
        for (expected, change) in table {
            #expect(throws: expected) {
                try Self.foreign(model.variables, change).variables(exactly: model.variables, bounds: bounds)
            }
        }
    }

    @Test("messages have three parts")
    func messages() {
        #expect(
            "\(VariablesError.shape(file: "w", path: "conv1.weight", found: [8, 1], expected: [4, 1]))"
                == "w: 'conv1.weight' has the shape [8, 1]; expected [4, 1]. Check that the file is of this "
                + "architecture, width and input, or let this layer keep the values it starts with: "
                + "`except: [\"conv1\"]`.")
        #expect(
            "\(VariablesError.missing(file: "w", paths: ["a", "b", "c", "d", "e", "f", "g"]))"
                == "w lacks 'a', 'b', 'c', 'd', 'e' and 2 more variables; expected every variable of the model. "
                + "Check that the file is of this architecture and normalization.")
    }

    @Test(
        "a damaged list of kinds",
        arguments: [
            "no JSON", "{\"parameter\":[\"a\"]}", "{\"weights\":[\"a\",\"b\"]}", "[]",
        ])
    func kinds(text: String) throws {
        let error = try #require(throws: VariablesError.self) {
            try VariablesFile(
                path: "f", arrays: ["a": NDArray(zeros: [1]), "b": NDArray(zeros: [1])],
                metadata: ["renorm.kinds": text])
        }
        guard case .kinds(file: "f", _) = error else {
            Issue.record("\(error)")
            return
        }
    }
}
