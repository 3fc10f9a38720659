import Foundation
import Renorm
import Testing

/// Pictures that vanish after the list of them was made.
@Suite struct VanishedPictureTests {
    private let folder: URL
    private let list: PictureList
    /// The picture that vanishes is in the batch of the fourth step.
    private let vanishing: URL

    init() throws {
        folder = FileManager.default.temporaryDirectory.appendingPathComponent("renorm-\(UUID().uuidString)")
        let picture = Fixture.url("images/gray8.png")
        for name in ["a", "b"] {
            let place = folder.appendingPathComponent("pictures/\(name)")
            try FileManager.default.createDirectory(at: place, withIntermediateDirectories: true)
            for number in 10..<22 {
                try FileManager.default.copyItem(
                    at: picture, to: place.appendingPathComponent("\(number).png"))
            }
        }
        var options = PictureListOptions()
        options.split = PictureSplit(validation: 0, test: 0)
        list = try PictureList(folder.appendingPathComponent("pictures"), options: options)
        vanishing = folder.appendingPathComponent("pictures/b/11.png")
        try FileManager.default.removeItem(at: vanishing)
    }

    private func run(_ images: any ImageSource) throws -> TinyRun {
        var run = try TinyRun(
            folder.appendingPathComponent("run"), normalization: Normalization(.batch), steps: 6)
        run.training = try Dataset(
            list.datasetIndex, images: images,
            framing: Framing(size: ImageSize(height: 8, width: 8, channels: 1)))
        run.test = nil
        run.configuration.architecture?.classes = 2
        run.configuration.batchSize = 4
        run.configuration.validation = 0
        run.configuration.checkpointEvery = 100
        run.configuration.sampling = .sequential
        run.configuration.scaling = InputScaling(mean: [0.5], deviation: [0.25])
        return run
    }

    @Test func itEndsARunWithItsNameAndNothingLost() async throws {
        defer { try? FileManager.default.removeItem(at: folder) }
        let run = try run(PictureFiles(list))
        let (events, error) = try await run.events()
        #expect("\(try #require(error as? ImagesError))".contains("11.png"))
        let saved = events.compactMap { event -> CheckpointReport? in
            if case .checkpoint(let report) = event { report } else { nil }
        }
        #expect(saved.map(\.step) == [3] && saved.first?.reason == .unreadable)
        // Once it is back, the run goes on.
        try FileManager.default.copyItem(at: Fixture.url("images/gray8.png"), to: vanishing)
        #expect(try await run.finish(resumes: true).steps == 6)
    }

    @Test func anotherMayStandInForItAndIsSaidTo() async throws {
        defer { try? FileManager.default.removeItem(at: folder) }
        let (events, error) = try await run(ReplacedImages(PictureFiles(list), of: list)).events()
        #expect(error == nil)
        let warnings = events.compactMap { event -> String? in
            if case .warning(let text) = event, text.contains("11.png") { text } else { nil }
        }
        #expect(warnings.count == 1)
    }
}
