import Foundation
import Renorm
import Testing

#if canImport(Glibc)
    import Glibc
#endif

/// What a run writes, refuses to read, and never overwrites.
@Suite struct RunFilesTests {
    /// A folder of a run that was stopped after 8 of 20 steps.
    private func stopped(_ folder: TemporaryFolder) async throws -> TinyRun {
        var run = try TinyRun(folder.appending("run"))
        run.engine = HookedEngine.dying(atStep: 9)
        _ = try await run.events()
        run.engine = ReferenceEngine()
        return run
    }

    /// Resuming throws, and leaves every file as it was.
    private func expectRefusal(_ run: TinyRun, containing parts: String...) async throws {
        let before = try contents(of: run.folder!.url)
        let (events, error) = try await run.events(resumes: true)
        let message = "\(try #require(error))"
        for part in parts { #expect(message.contains(part), "\(message)") }
        #expect(events.steps.isEmpty)
        #expect(try contents(of: run.folder!.url) == before)
    }

    @Test("a checkpoint holds everything")
    func content() async throws {
        let folder = try TemporaryFolder()
        var run = try TinyRun(folder.appending("run"))
        run.configuration.options.parameterAveragingRate = 0.1
        run.overrides = [.freeze("conv1")]
        try await run.finish()
        let file = try VariablesFile(reading: run.folder!.last)
        let kinds = try #require(file.kinds)
        #expect(kinds["conv2.weight"] == .parameter)
        #expect(kinds["bn1.running_std"] == .statistic)
        #expect(kinds["bn1.num_batches_tracked"] == .counter)
        #expect(kinds["optimizer.momentum.conv2.weight"] == .slot)
        #expect(kinds["average.bn1.running_std"] == .average)
        // What is frozen is its own average.
        #expect(kinds["average.conv1.weight"] == nil)
        #expect(kinds["optimizer.momentum.conv1.weight"] == nil)
        #expect(file.arrays["bn1.num_batches_tracked"]?.type == .i64)
        let record = try run.folder!.record(\.last)
        #expect(record.configuration == run.configuration)
        #expect(record.overrides == run.overrides)
        #expect(record.step == 20)
        #expect(record.position.epoch == 1)
        #expect(record.position.step == 8)
        #expect(record.position.stepsPerEpoch == 12)
        #expect(record.schedules["r_max"] == TinyRun.limits.rMax)
        #expect(record.schedules["learning_rate"] == run.configuration.options.learningRate)
        #expect(record.data.classNames == ["row", "column", "diagonal"])
        #expect(record.data.image == [8, 8, 1])
        #expect(record.data.training == 100)
        #expect(record.data.validation == 20)
        #expect(record.data.test == 30)
        #expect(record.environment.engine == ReferenceEngine().description)
        #expect(record.evaluatedAt == 20)
        let kept = try run.training.split(validation: 20, seed: 7).training
        #expect(try record.scaling == InputScaling(of: kept))
        // The frozen part is as it began.
        let initial = try run.trainer().model.variables
        #expect(file.arrays["conv1.weight"] == initial["conv1.weight"]?.value)
        #expect(file.arrays["conv2.weight"] != initial["conv2.weight"]?.value)
    }

    @Test("model.safetensors holds parameters, statistics and counters alone")
    func model() async throws {
        let folder = try TemporaryFolder()
        let run = try TinyRun(folder.appending("run"), normalization: Normalization(.batch))
        try await run.finish()
        let names = Set(try run.folder!.arrays(\.model).keys)
        let expected = (1...5).flatMap { layer in
            ["conv\(layer).weight"]
                + ["weight", "bias", "running_mean", "running_var", "num_batches_tracked"].map {
                    "bn\(layer).\($0)"
                }
        }
        #expect(names == Set(expected + ["fc.weight", "fc.bias"]))
        #expect(try run.folder!.chosen() == run.folder!.model)
        let trained = try TrainedModel(reading: run.folder!.model)
        #expect(try trained.step == run.folder!.record(\.best).step)
        #expect(trained.record.test != nil)
        // Nothing is left of the writing.
        #expect(
            try contents(of: run.folder!.url).keys.sorted()
                == ["best.safetensors", "history.jsonl", "last.safetensors", "model.safetensors"])
    }

    @Test(
        "a finished run that goes on and is killed: what it has learnt since is chosen", arguments: [0, 20])
    func goneOn(validation: Int) async throws {
        let folder = try TemporaryFolder()
        var run = try TinyRun(folder.appending("run"), steps: 8)
        run.configuration.validation = validation
        run.configuration.evaluateEvery = 1
        try await run.finish()
        #expect(try run.folder!.chosen() == run.folder!.model)
        run.configuration.steps = 20
        run.engine = HookedEngine.dying(atStep: 9)
        _ = try await run.events(resumes: true)
        // No checkpoint since: the model is still of the state that would be gone on from.
        #expect(try run.folder!.chosen() == run.folder!.model)
        run.engine = HookedEngine.dying(atStep: 14)
        _ = try await run.events(resumes: true)
        #expect(
            try run.folder!.chosen() == (validation == 0 ? run.folder!.last : run.folder!.best))
        run.engine = ReferenceEngine()
        try await run.finish(resumes: true)
        #expect(try run.folder!.chosen() == run.folder!.model)
    }

    @Test("a folder that is not empty is an error")
    func exists() async throws {
        let folder = try TemporaryFolder()
        let run = try await stopped(folder)
        let before = try contents(of: run.folder!.url)
        let (_, error) = try await run.events()
        #expect(error as? TrainingError == .runExists(folder: run.folder!.url.path))
        #expect(try contents(of: run.folder!.url) == before)

        let file = folder.appending("file")
        try Data("x".utf8).write(to: file)
        var other = run
        other.folder = RunFolder(file)
        let (_, second) = try await other.events()
        guard case .folder(path: file.path, _) = second as? TrainingError else {
            Issue.record("\(second as Any)")
            return
        }
        #expect(try Data(contentsOf: file) == Data("x".utf8))
    }

    @Test("two runs at a time in one folder")
    func inUse() async throws {
        let folder = try TemporaryFolder()
        let run = try TinyRun(folder.appending("run"))
        let gate = DispatchSemaphore(value: 0)
        var first = run
        first.engine = HookedEngine(before: { step, _ in if step == 3 { gate.wait() } })
        var iterator = try first.trainer().events.makeAsyncIterator()
        while let event = try await iterator.next() {
            if case .step(let report) = event, report.step == 3 { break }
        }
        let (events, error) = try await run.events(resumes: true)
        #expect(error as? TrainingError == .inUse(folder: run.folder!.url.path))
        #expect(events.isEmpty)
        gate.signal()
        while try await iterator.next() != nil {}
        #expect(try await run.events(resumes: true).error == nil)
    }

    @Test("a truncated checkpoint", arguments: [0, 5, 100, 0.5, 0.99])
    func truncated(part: Double) async throws {
        let folder = try TemporaryFolder()
        let run = try await stopped(folder)
        let data = try Data(contentsOf: run.folder!.last)
        try data.prefix(part < 1 ? Int(part * Double(data.count)) : Int(part)).write(to: run.folder!.last)
        try await expectRefusal(run, containing: run.folder!.last.path)
    }

    @Test("metadata that are no record of a run")
    func foreign() async throws {
        let folder = try TemporaryFolder()
        let run = try await stopped(folder)
        let last = run.folder!.last
        var file = try NamedArrays(safetensors: last)
        let text = try #require(file.metadata["renorm.checkpoint"])

        file.metadata["renorm.checkpoint"] = nil
        try file.write(safetensors: last)
        try await expectRefusal(
            run, containing: last.path, "no checkpoint of a run", "start from a file of parameters")

        file.metadata["renorm.checkpoint"] = text.replacingOccurrences(
            of: "\"format\":1", with: "\"format\":2")
        try file.write(safetensors: last)
        try await expectRefusal(run, containing: "format 2", "expected format 1")

        file.metadata["renorm.checkpoint"] = text.replacingOccurrences(
            of: "\"batchSize\":8", with: "\"batchSize\":\"many\"")
        try file.write(safetensors: last)
        try await expectRefusal(run, containing: "damaged", "configuration.batchSize")
    }

    @Test("variables that are not the model's")
    func otherVariables() async throws {
        let folder = try TemporaryFolder()
        let run = try await stopped(folder)
        let last = run.folder!.last
        let original = try NamedArrays(safetensors: last)

        var file = original
        file.arrays["fc.bias"] = nil
        try file.write(safetensors: last)
        try await expectRefusal(run, containing: last.path, "lacks 'fc.bias'")

        file = original
        file.arrays["fc.bias"] = NDArray(zeros: [4])
        try file.write(safetensors: last)
        try await expectRefusal(run, containing: "'fc.bias' has the shape [4]; expected [3]")

        file = original
        file.arrays["bn1.num_batches_tracked"] = NDArray(scalar: Float(3))
        try file.write(safetensors: last)
        try await expectRefusal(run, containing: "'bn1.num_batches_tracked'", "type f32; expected i64")
    }

    @Test("a run with other options: each that differs is named with both values")
    func otherOptions() async throws {
        let folder = try TemporaryFolder()
        let run = try await stopped(folder)
        var other = run
        other.configuration.architecture?.name = "small:0.25"
        try await expectRefusal(
            other, containing: "architecture.name: saved small:0.125, given small:0.25")
        other = run
        other.configuration.batchSize = 16
        other.configuration.seed = 8
        try await expectRefusal(other, containing: "batchSize: saved 8, given 16", "seed: saved 7, given 8")
        other = run
        other.configuration.options.clipNorm = nil
        other.configuration.architecture?.normalization.kind = .batchRenorm(.limits(.open))
        try await expectRefusal(
            other, containing: "options.clipNorm: saved 5, given none",
            "architecture.normalization.limits.r_max.")
        other = run
        other.training = try TinyData.dataset(120, seed: 5)
        try await expectRefusal(other, containing: "data.fingerprint")
        other = run
        other.overrides = [.freeze("conv1")]
        try await expectRefusal(other, containing: "overrides: saved []")
        other = run
        other.configuration.steps = 7
        try await expectRefusal(other, containing: "saved after step 8", "at most 7")
    }

    @Test("seeds are compared to the last of their 64 bits")
    func seeds() throws {
        var saved = try TinyRun().configuration
        saved.seed = .max
        var given = saved
        #expect(try given.differences(fromSaved: saved).isEmpty)
        given.seed = .max - 1
        let differences = try given.differences(fromSaved: saved)
        #expect(differences.map(\.option) == ["seed"])
        #expect(differences.first?.saved == "18446744073709551615")
        #expect(differences.first?.given == "18446744073709551614")
    }

    @Test("options that may change")
    func changeable() async throws {
        let folder = try TemporaryFolder()
        var run = try await stopped(folder)
        run.configuration.evaluateEvery = nil
        run.configuration.checkpointEvery = 7
        run.configuration.evaluationBatchSize = 20
        run.configuration.onNonFinite = .skip
        run.configuration.initialization = "elsewhere.safetensors"
        run.configuration.steps = 18
        run.test = nil
        let (events, error) = try await run.events(resumes: true)
        #expect(error == nil)
        #expect(events.evaluations.map(\.step) == [12, 18])
        #expect(events.checkpoints.filter { $0.reason == .periodic }.map(\.step) == [14])
        #expect(events.summary?.test == nil)
    }

    @Test("another number of threads is no error, but said")
    func otherEnvironment() async throws {
        let folder = try TemporaryFolder()
        var run = try await stopped(folder)
        run.engine = ReferenceEngine(precision: .f64)
        let (events, error) = try await run.events(resumes: true)
        #expect(error == nil)
        #expect(events.warnings.contains { $0.contains("engine.version") && $0.contains("f64") })
    }

    @Test("a file that cannot be written: the one before stays, and training stops")
    func unwritable() async throws {
        let folder = try TemporaryFolder()
        let run = try await stopped(folder)
        // Where the next checkpoint would be put together there is a folder, as if there was no room for a file.
        let partial = run.folder!.url.appendingPathComponent(".last.safetensors.partial")
        try FileManager.default.createDirectory(at: partial, withIntermediateDirectories: true)
        let before = try Data(contentsOf: run.folder!.last)
        let (events, error) = try await run.events(resumes: true)
        guard case .unwritable(path: run.folder!.last.path, _, _) = error as? FormatError else {
            Issue.record("\(error as Any)")
            return
        }
        #expect(events.steps.last?.step == 12)
        #expect(try Data(contentsOf: run.folder!.last) == before)
        try FileManager.default.removeItem(at: partial)
        #expect(try await run.finish(resumes: true).steps == 20)
    }

    #if canImport(Glibc)
        @Test("a full disk", .enabled(if: geteuid() == 0, "only root can mount a small disk"))
        func fullDisk() async throws {
            let folder = try TemporaryFolder()
            let disk = folder.appending("disk")
            try FileManager.default.createDirectory(at: disk, withIntermediateDirectories: true)
            // Some containers do not let even root do it; the folder in the way above is the test there.
            guard mount("none", disk.path, "tmpfs", 0, "size=48k") == 0 else { return }
            defer { umount2(disk.path, Int32(MNT_DETACH)) }
            let run = try TinyRun(disk.appendingPathComponent("run"))
            let (_, error) = try await run.events()
            let message = "\(try #require(error))"
            #expect(message.contains("could not be written: No space left on device"))
            // What is there is whole, and nothing half-written is beside it.
            for (name, data) in try contents(of: run.folder!.url) {
                #expect(!name.hasPrefix("."))
                #expect(data.count > 0)
                guard name != run.folder!.history.lastPathComponent else { continue }
                _ = try TrainedModel(reading: run.folder!.url.appendingPathComponent(name))
            }
        }
    #endif
}
