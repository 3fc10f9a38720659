import Foundation
import Renorm
import Synchronization
import Testing

/// Gradual unfreezing: what is not trained yet is what it was, to the bit; what is, moves; and a run that goes on finds its stage.
@Suite struct UnfreezingTests {
    // MARK: The value

    @Test(arguments: [
        ("all", Unfreezing.all),
        ("head for 1 epoch, all", Unfreezing([.init(.head, for: .epochs(1)), .init(.all)])),
        (
            "head for 2 epochs, last:3 for 200 steps, layer2+**.bn1 for 1 step, all",
            Unfreezing([
                .init(.head, for: .epochs(2)), .init(.last(3), for: .steps(200)),
                .init(.matching(["layer2", "**.bn1"]), for: .steps(1)), .init(.all),
            ])
        ),
        ("fc", Unfreezing([.init(.matching(["fc"]))])),
    ])
    func isReadAndWritten(_ text: String, _ unfreezing: Unfreezing) throws {
        #expect(try Unfreezing(parsing: text) == unfreezing)
        #expect("\(unfreezing)" == text)
        #expect(try Unfreezing(parsing: "  " + text.replacingOccurrences(of: " ", with: "  ")) == unfreezing)
        #expect(try JSONCoder.encode(unfreezing) == "\"\(text)\"")
        #expect(try JSONCoder.decode(Unfreezing.self, from: "\"\(text)\"") == unfreezing)
    }

    @Test(arguments: [
        "", "head, all", "head for 1 epoch", "head for epochs, all", "head for 0 steps, all", "last:0",
        "last:x", "head for 1 year, all", "head during 1 epoch, all", "head for 1 epoch,, all", "a+",
        "all for -1 steps, all",
        "last:99999999999999999999", "head for 99999999999 epochs, all",
    ])
    func nonsenseIsRefused(_ text: String) {
        #expect(throws: Fault.self) { try Unfreezing(parsing: text) }
        #expect(throws: DecodingError.self) {
            try JSONCoder.decode(Unfreezing.self, from: "\"\(text)\"")
        }
    }

    @Test func stagesBeginAfterThoseBefore() throws {
        let unfreezing = try Unfreezing(parsing: "head for 2 epochs, fc for 5 steps, last:2 for 1 epoch, all")
        #expect(unfreezing.firstSteps(stepsPerEpoch: 10) == [0, 20, 25, 35])
        #expect(
            Unfreezing([.init(.head, for: .epochs(.max)), .init(.all)]).firstSteps(stepsPerEpoch: 10) == [
                0, .max,
            ])
    }

    // MARK: A run

    /// Twelve steps are an epoch: conv5 and fc from step 12 on, all from 16.
    private static let stages = "head for 1 epoch, last:2 for 4 steps, all"

    private func run(
        _ folder: URL? = nil, _ normalization: Normalization = TinyRun.renorm, stages: String = stages,
        optimizer: Optimizer = .sgd()
    ) throws -> TinyRun {
        var run = try TinyRun(folder, normalization: normalization)
        run.configuration.unfreezing = try Unfreezing(parsing: stages)
        run.configuration.options.optimizer = optimizer
        run.configuration.options.learningRate = .constant(0.02)
        run.configuration.options.parameterAveragingRate = 0.2
        return run
    }

    private static let kinds = [
        TinyRun.renorm, Normalization(.batchRenorm), Normalization(.batch), Normalization(.group(2)),
    ]

    /// The state after each step, of engines and normalizations.
    @Test(arguments: engines.indices, kinds.indices)
    func whatIsNotTrainedYetIsWhatItWas(_ engine: Int, _ kind: Int) async throws {
        final class States: Sendable {
            let all = Mutex<[Int: Variables]>([:])
        }
        var run = try run(nil, Self.kinds[kind])
        run.configuration.accumulation = engine == 0 ? 2 : 1
        run.configuration.unfreezing = try Unfreezing(parsing: "head for 5 steps, last:2 for 4 steps, all")
        run.configuration.steps = 12
        let states = States()
        run.engine = HookedEngine(
            base: engines[engine],
            after: { step, store in
                // Of an accumulated step the last graph's, in which parameters are updated.
                let state = try store.read()
                states.all.withLock { $0[step] = state }
            })
        let start = try run.configuration.architecture!.makeModel(seed: run.configuration.seed).variables
        let (events, error) = try await run.events()
        #expect(error == nil)
        let reports = events.compactMap { if case .stage(let report) = $0 { report } else { nil } }
        #expect(reports.map(\.step) == [0, 5, 9] && reports.map(\.parts) == ["head", "last:2", "all"])
        #expect(reports.map(\.stage) == [1, 2, 3] && reports.allSatisfy { $0.stages == 3 })
        #expect(reports.last?.trainedParameters == start.ofKinds([.parameter]).elementCount)
        let found = states.all.withLock { $0 }
        func layer(_ path: String) -> String { String(path.prefix { $0 != "." }) }
        for (path, variable) in start {
            // `small` is conv1 to conv5, each with its normalization, and fc.
            let since = layer(path) == "fc" ? 0 : ["conv5", "bn5"].contains(layer(path)) ? 5 : 9
            for step in [0, 4, 5, 8] {
                let value = try #require(found[step]?[path]?.value).converted(to: variable.value.type)
                if step < since {
                    #expect((value == variable.value) == true, "\(path) after step \(step)")
                    let average = found[step]?[TrainingGraph.averagePath(of: path)]?.value
                    #expect(average == nil || (average?.floats == variable.value.floats) == true)
                }
            }
            let last = try #require(found[11]?[path]?.value).converted(to: variable.value.type)
            #expect((last == variable.value) == false, "\(path) in the end")
        }
        for slot in found[4]!.ofKinds([.slot]) where !slot.path.contains("fc.") {
            #expect(slot.variable.value.doubles.allSatisfy { $0 == 0 }, "\(slot.path)")
        }
    }

    @Test("killed before, at and after the boundaries", arguments: engines.indices, [11, 12, 13, 16, 17])
    func resumes(_ engine: Int, _ step: Int) async throws {
        let folder = try TemporaryFolder()
        for (name, optimizer) in [("sgd", Optimizer.sgd()), ("adam", .adamW())] {
            var run = try run(
                folder.appending(name), engine == 0 ? Normalization(.batch) : TinyRun.renorm,
                optimizer: optimizer)
            run.configuration.patience = 3
            run.configuration.checkpointEvery = 1
            run.configuration.recalibration = 24
            run.engine = HookedEngine.dying(atStep: step, engines[engine])
            let (_, error) = try await run.events()
            #expect(error is HookedEngine.Killed)
            run.engine = engines[engine]
            let (events, none) = try await run.events(resumes: true)
            #expect(none == nil)
            #expect(events.steps.map(\.step) == Array(step + 1...20))
            var whole = run
            whole.folder = RunFolder(folder.appending("whole \(name)"))
            try await whole.finish()
            for file in [\RunFolder.last, \.best, \.model] {
                let (one, other) = try (run.folder!.arrays(file), whole.folder!.arrays(file))
                #expect((one == other) == true, "\(file)")
                let (a, b) = try (run.folder!.record(file), whole.folder!.record(file))
                #expect(a.best == b.best && a.evaluationsSinceBest == b.evaluationsSinceBest)
                #expect(a.overrides.isEmpty, "the schedule leaves nothing frozen")
            }
        }
    }

    @Test func anotherScheduleIsAnotherRun() async throws {
        let folder = try TemporaryFolder()
        var run = try run(folder.appending("run"))
        run.engine = HookedEngine.dying(atStep: 9)
        _ = try await run.events()
        run.engine = ReferenceEngine()
        run.configuration.unfreezing = .all
        let (_, error) = try await run.events(resumes: true)
        guard case .otherRun(_, let differences)? = error as? TrainingError else {
            Issue.record("\(String(describing: error))")
            return
        }
        #expect(differences.map(\.option) == ["unfreezing"])
        #expect(differences[0].saved == Self.stages && differences[0].given == "all")
    }

    /// Adam's averages of a parameter that is trained since step s are corrected as if the run had begun there: its first update is
    /// rate · g / (|g| + ε), whatever the step.
    @Test func correctionsBeginWithTheParameter() async throws {
        var run = try run(
            nil, Normalization(.layer), stages: "head for 7 steps, all",
            optimizer: .adamW(beta1: 0.9, beta2: 0.999, epsilon: 1e-30))
        run.configuration.options.clipNorm = nil
        run.configuration.options.weightDecay = 0
        run.configuration.steps = 8
        let folder = try TemporaryFolder()
        run.folder = RunFolder(folder.appending("run"))
        let start = try run.configuration.architecture!.makeModel(seed: run.configuration.seed).variables
        try await run.finish()
        let end = try run.folder!.arrays(\.last)
        for path in ["conv1.weight", "conv3.weight"] {
            let changes = zip(start[path]!.value.doubles, end[path]!.doubles).map { abs($1 - $0) }
            // A gradient of exactly 0 changes nothing.
            let moved = changes.filter { $0 > 1e-6 }
            #expect(moved.count > changes.count / 2)
            #expect(moved.allSatisfy { abs($0 - 0.02) < 1e-4 }, "\(path): \(moved.prefix(3))")
        }
    }

    @Test(arguments: [
        ("nothing.*", "There is no layer 'nothing.*'"), ("last:7", "1 to 6, which the network has"),
    ])
    func partsThatThereAreNotAreNamed(_ stages: String, _ expected: String) async throws {
        let (_, error) = try await run(stages: stages).events()
        #expect("\(try #require(error))".contains(expected), "\(error!)")
    }

    @Test func aStageNeedsSomethingToTrain() async throws {
        var run = try run()
        run.overrides = [.freeze("fc")]
        let (_, error) = try await run.events()
        #expect("\(try #require(error))".contains("'head for 1 epoch', in which nothing is trained"))
    }

    /// What the model itself freezes no stage unfreezes.
    @Test func stagesUnfreezeNothingElse() throws {
        var model = try Architecture(
            name: "small:0.125", classes: 3, input: [8, 8, 1], normalization: Normalization(.batch)
        ).makeModel(seed: 1)
        model.overrides = [.freeze("conv5"), .freeze("bn4", .parameters)]
        let staged = try model.freezing(allBut: model.openParts(last: 3))
        let trained = Set(try staged.specifications().filter(\.isTrainable).map(\.path))
        #expect(trained == ["conv4.weight", "bn5.weight", "bn5.bias", "fc.weight", "fc.bias"])
        let one = try model.freezing(allBut: model.openParts(matching: ["bn2.weight"]))
        #expect(try one.specifications().filter(\.isTrainable).map(\.path) == ["bn2.weight"])
    }

    /// Checkpoints of earlier versions have none of these options.
    @Test func earlierConfigurationsAreRead() throws {
        let configuration = try TinyRun().configuration
        var json = try #require(
            JSONSerialization.jsonObject(with: Data(JSONCoder.encode(configuration).utf8)) as? [String: Any])
        json["unfreezing"] = nil
        json["recalibration"] = nil
        var options = try #require(json["options"] as? [String: Any])
        options["layerDecay"] = nil
        json["options"] = options
        let text = String(decoding: try JSONSerialization.data(withJSONObject: json), as: UTF8.self)
        let read = try JSONCoder.decode(TrainingConfiguration.self, from: text)
        #expect(read == configuration)
        #expect(try configuration.differences(fromSaved: read).isEmpty)
    }
}
