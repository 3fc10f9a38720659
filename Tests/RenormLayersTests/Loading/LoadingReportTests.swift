import Renorm
import RenormTestSupport
import Testing

@Suite struct LoadingReportTests {
    private typealias Arrays = [String: NDArray]

    private func model(
        _ normalization: Normalization = Normalization(.batch), name: String = "small:0.125",
        classes: Int = 3,
        channels: Int = 1, seed: UInt64 = 1
    ) throws -> Model {
        try Architecture(
            name: name, classes: classes, input: [8, 8, channels], normalization: normalization
        ).makeModel(seed: seed)
    }

    /// The variables of a model that has seen 40 batches, as a file from elsewhere.
    private func file(_ model: Model, _ change: (inout Arrays) -> Void = { _ in }) throws -> VariablesFile {
        var arrays: Arrays = [:]
        for (path, variable) in model.variables {
            let isSpread = path.hasSuffix("running_var") || path.hasSuffix("running_std")
            arrays[path] =
                switch variable.kind {
                case .counter: NDArray(scalar: Int64(40))
                case .statistic where isSpread: NDArray(repeating: Float(0.8), shape: variable.value.shape)
                default: variable.value
                }
        }
        change(&arrays)
        return try VariablesFile(path: "weights.pth", arrays: arrays, metadata: [:])
    }

    /// The report of a file that does not fit, which has to leave the model as it was.
    private func refusal(_ file: VariablesFile, into target: Model, except: [PathPattern] = []) throws
        -> LoadingReport
    {
        var model = target
        let error = #expect(throws: VariablesError.self) { try model.load(file, except: except) }
        #expect(model.variables == target.variables && model.overrides == target.overrides)
        guard case .unfit(let report) = error else {
            Issue.record("\(String(describing: error))")
            return try model.loadingReport(of: file)
        }
        #expect(try report == target.loadingReport(of: file, except: except))
        return report
    }

    @Test func everythingIsFoundAtOnce() throws {
        let report = try refusal(
            file(model()) { arrays in
                arrays["conv2.weight"] = nil
                arrays["extra"] = NDArray(zeros: [1])
                arrays["another"] = NDArray(zeros: [1])
                arrays["conv3.weight"] = NDArray(zeros: [9, 4, 3, 3])
                arrays["fc.bias"] = NDArray(zeros: [3], type: .i32)
                arrays["bn1.num_batches_tracked"] = NDArray(scalar: Float(3))
                arrays["bn2.bias"] = NDArray(repeating: Float.nan, shape: [4])
                arrays["bn4.running_var"] = NDArray(repeating: Float(-1), shape: [8])
            }, into: model(seed: 9))
        #expect(report.missing == ["conv2.weight"])
        #expect(report.unexpected == ["another", "extra"])
        #expect(report.shapes == [.init(path: "conv3.weight", found: [9, 4, 3, 3], expected: [8, 4, 3, 3])])
        #expect(
            report.types == [
                .init(path: "bn1.num_batches_tracked", found: .f32, expected: .i64),
                .init(path: "fc.bias", found: .i32, expected: .f32),
            ])
        #expect(report.notFinite == ["bn2.bias"])
        #expect(report.outOfBounds.map(\.path) == ["bn4.running_var"])
        #expect(report.problemCount == 8 && !report.fits)
        #expect(report.fitting.count == 32 - 6)
        let lines = report.description.split(separator: "\n")
        #expect(
            lines[0].hasPrefix(
                "weights.pth does not fit the model: of its variables 1 missing, 2 unexpected, 1 of another shape, 2 of "
                    + "another type, 1 not finite, 1 out of bounds. "))
        #expect(lines.count == 1 + 8)
        #expect(lines[1] == "  'conv3.weight' has the shape [9, 4, 3, 3]; expected [8, 4, 3, 3]")
    }

    @Test func manyProblemsOfOneSortAreCounted() throws {
        let report = try refusal(file(model(Normalization(.none))), into: model())
        #expect(report.missing.count == 25)
        #expect(report.description.split(separator: "\n").last == "  and 20 more of this sort")
    }

    // MARK: Causes

    /// The likeliest cause is said first.
    private func expectCause(
        _ start: String, _ file: VariablesFile, into target: Model,
        sourceLocation: SourceLocation = #_sourceLocation
    ) throws {
        let report = try refusal(file, into: target)
        #expect(report.causes.first?.hasPrefix(start) == true, "\(report)", sourceLocation: sourceLocation)
    }

    @Test func aClassifierForOtherClassesIsTold() throws {
        let report = try refusal(file(model(classes: 1000)), into: model())
        #expect(
            report.description.split(separator: "\n")[0]
                == "weights.pth does not fit the model: of its variables 2 of another shape. 'fc.weight' is for 1000 classes; "
                + "expected 3. Use data and a model of 1000 classes, or load everything else with `except: [\"fc\"]`, "
                + "which leaves this layer as it starts.")
        #expect(report.exceptions == ["fc"])
        var model = try model(seed: 9)
        let before = model.variables
        let loaded = try model.load(file(self.model(classes: 1000)), except: ["fc"])
        #expect(loaded.kept == ["fc.weight", "fc.bias"] && loaded.fits && loaded.causes == [])
        #expect(model.variables["fc.weight"] == before["fc.weight"])
    }

    @Test func aPrefixBeforeEveryNameIsTold() throws {
        let source = try model()
        let prefixed = try file(source) { arrays in
            arrays = Dictionary(uniqueKeysWithValues: arrays.map { ("backbone.net." + $0.key, $0.value) })
        }
        try expectCause("Every name of the file begins with 'backbone.net.'", prefixed, into: model(seed: 2))
        var loaded = try model(seed: 2)
        try loaded.load(prefixed, names: NameTable("prefixed", [.init("backbone.net.*", "*")]))
        #expect(loaded.variables["conv3.weight"] == source.variables["conv3.weight"])
        let named = try Model(
            Small(classes: 3, width: 0.125, normalization: Normalization(.batch)).named("net"),
            input: [8, 8, 1])
        try expectCause("The names of the file lack the 'net.'", file(source), into: named)
    }

    @Test func theNamesOfOtherFrameworksAreTold() throws {
        try expectCause(
            "The file's names are Keras' or TensorFlow's",
            file(model()) { arrays in
                let names = ["weight": "gamma:0", "bias": "beta:0"]
                arrays = Dictionary(
                    uniqueKeysWithValues: arrays.map { name, array in
                        let parts = name.split(separator: ".")
                        return ("\(parts[0])/\(names[String(parts[1])] ?? "\(parts[1]):0")", array)
                    })
            }, into: model())
        try expectCause(
            "No name of the file is one of the model's", file(model()), into: model(name: "mobilenetv2:0.25"))
    }

    @Test func anotherNormalizationIsTold() throws {
        try expectCause(
            "The file is of a network without normalization", file(model(Normalization(.none))), into: model()
        )
        try expectCause(
            "The file has scales and shifts but no averages", file(model(Normalization(.group(2)))),
            into: model(Normalization(.batchRenorm)))
        try expectCause(
            "The file's network has batch normalization (it has averages), the model group:2", file(model()),
            into: model(Normalization(.group(2))))
    }

    @Test func anotherSizeIsTold() throws {
        try expectCause(
            "Most layers of the file have 2.0 times as many channels", file(model(name: "small:0.25")),
            into: model())
        try expectCause(
            "'conv1.weight' takes images of 3 channels; expected 1", file(model(channels: 3)), into: model())
        func resnet(_ blocks: [Int], _ stem: Stem = .cifar) throws -> Model {
            let network = ResNet(
                blocks: blocks, bottlenecks: false, classes: 3, stem: stem,
                normalization: Normalization(.batch))
            return try Model(network, input: [16, 16, 3])
        }
        try expectCause(
            "'conv1.weight' has a window of 7×7; expected 3×3", file(resnet([1], .imagenet)),
            into: resnet([1]))
        try expectCause("Everything that the model has fits", file(resnet([2])), into: resnet([1]))
        try expectCause("Everything that the file has fits", file(resnet([1])), into: resnet([2]))
    }

    // MARK: What fits, but should be known

    @Test func averagesThatWereNeverMadeAreTold() throws {
        let fresh = try model()
        var target = try model(seed: 5)
        let arrays = Dictionary(uniqueKeysWithValues: fresh.variables.map { ($0.path, $0.variable.value) })
        let untrained = try VariablesFile(path: "w", arrays: arrays, metadata: [:])
        let report = try target.load(untrained)
        #expect(report.neverUpdated == ["bn1", "bn2", "bn3", "bn4", "bn5"] && report.uncounted == [])
        #expect(
            report.description.contains("'bn1', 'bn2', 'bn3' and 2 more: the averages are those of a network")
        )
        let trained = try target.load(
            file(fresh) { arrays in
                arrays["bn2.running_var"]!.withMutableValues(of: Float.self) { $0[1] = 0 }
                arrays["bn3.num_batches_tracked"] = nil
            })
        #expect(
            trained.neverUpdated == [] && trained.zeroVariances == ["bn2"] && trained.uncounted == ["bn3"])
        #expect(trained.remarks.count == 2 && trained.converted == [])
        var renorm = try model(Normalization(.batchRenorm))
        #expect(try renorm.load(file(fresh)).converted == report.neverUpdated)
    }

    // MARK: ε

    @Test(arguments: [Normalization(.batch), Normalization(.frozen), Normalization(.batchRenorm)])
    func theEpsilonOfTheFileIsTheModels(_ normalization: Normalization) throws {
        let author = try model(Normalization(.batch, epsilon: 1e-3))
        let weights = try file(author)
        var source = author
        try source.load(weights)
        let images = randomArray([2, 8, 8, 1], type: .f32)
        let expected = try source.output(images)
        var loaded = try model(normalization, seed: 8)
        try loaded.load(weights, epsilon: 1e-3)
        #expect(try loaded.tracedNormalizations().allSatisfy { $0.normalization.epsilon == 1e-3 })
        #expect(try mismatch(loaded.output(images), expected, tolerance: 1e-6) == nil)
        var otherwise = try model(normalization, seed: 8)
        try otherwise.load(weights)
        #expect(try mismatch(otherwise.output(images), expected, tolerance: 1e-4) != nil)
        #expect(throws: GraphError.self) { try otherwise.load(weights, epsilon: -1) }
        // What keeps its values keeps its ε.
        var partly = try model(normalization, seed: 8)
        try partly.load(weights, except: ["bn5"], epsilon: 1e-3)
        #expect(
            try partly.tracedNormalizations().map(\.normalization.epsilon) == [1e-3, 1e-3, 1e-3, 1e-3, 1e-5])
    }
}
