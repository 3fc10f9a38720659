import Foundation
import Renorm
import Testing

/// A run records how its engine computes convolutions, which decides how sums are rounded.
@Suite struct ConvolutionChoiceTests {
    private func engine(_ convolution: ConvolutionAlgorithm) throws -> OneDNNEngine {
        try OneDNNEngine(threads: 1, convolution: convolution)
    }

    @Test(
        "recorded, and said where it changes", .enabled(if: engines.count > 1, "oneDNN is not here"),
        arguments: [ConvolutionAlgorithm.auto, .direct, .winograd])
    func recorded(convolution: ConvolutionAlgorithm) async throws {
        let folder = try TemporaryFolder()
        var run = try TinyRun(folder.appending("run"))
        run.engine = HookedEngine.dying(atStep: 11, try engine(convolution))
        _ = try await run.events()
        #expect(try run.folder!.record(\.last).environment.engine.convolution == convolution)
        run.engine = try engine(.direct)
        let (events, error) = try await run.events(resumes: true)
        #expect(error == nil)
        #expect(
            events.warnings
                == (convolution == .direct
                    ? []
                    : [
                        "the run began with engine.convolution \(convolution.rawValue) and goes on with direct, so its last "
                            + "bits may differ from a run that was never stopped"
                    ]))
    }

    @Test("a checkpoint of before there was a choice is one of direct convolutions")
    func earlierCheckpoints() async throws {
        let folder = try TemporaryFolder()
        let direct = engines.count > 1 ? try engine(.direct) : ReferenceEngine() as any Engine
        var whole = try TinyRun(folder.appending("whole"))
        whole.engine = direct
        try await whole.finish()
        var run = try TinyRun(folder.appending("run"))
        run.engine = HookedEngine.dying(atStep: 11, direct)
        _ = try await run.events()
        let last = run.folder!.last
        let file = try VariablesFile(reading: last)
        var variables = Variables()
        for (path, value) in file.arrays {
            variables[path] = Variable(kind: file.kinds![path]!, value: value)
        }
        let metadata = file.metadata.mapValues {
            $0.replacing(#""convolution":"direct","#, with: "").replacing(
                #","convolution":"direct""#, with: "")
        }
        #expect(metadata != file.metadata)
        try VariablesFile.write(variables, metadata: metadata, to: last)
        #expect(try run.folder!.record(\.last).environment.engine.convolution == .direct)
        run.engine = direct
        let (events, error) = try await run.events(resumes: true)
        #expect(error == nil && events.warnings.isEmpty)
        for file in [\RunFolder.last, \.best, \.model] {
            #expect(try run.folder!.arrays(file) == whole.folder!.arrays(file))
        }
    }
}
