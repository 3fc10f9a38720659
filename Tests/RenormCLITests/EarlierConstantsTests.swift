import Foundation
import Renorm
import Testing

/// The constants of automatic limits are no option: a run that began with others goes on with those.
@Suite struct EarlierConstantsTests {
    @Test func aRunGoesOnWithTheConstantsThatItBeganWith() throws {
        let folder = try TemporaryFolder()
        try SyntheticImages().write(to: folder.url)
        func train(_ steps: Int, _ more: [String]) throws -> Program.Result {
            try Program.renorm.run(
                ["train", "--run", folder.path("run"), "--steps", "\(steps)", "--threads", "1"] + more)
        }
        let begun = try train(
            3,
            [
                "--data", "idx:\(folder.url.path)", "--model", "small:0.25", "--batch-size", "16",
                "--validation", "20", "--schedule", "constant",
            ])
        try #require(begun.exitCode == 0, "\(begun.errors)")
        let last = folder.url.appendingPathComponent("run/last.safetensors")
        func filter() throws -> MomentFilter? {
            let architecture = try TrainedModel(reading: last).record.configuration.architecture
            guard let kind = architecture?.normalization.kind as? BatchRenormalization,
                case .selfTuning(let tuning) = kind.correction
            else { return nil }
            return tuning.filter
        }
        #expect(try filter() == MomentFilter())
        // As versions wrote it that did not know of the constant; spaces keep the length of the header.
        let constant = Data(#"\"significance\":9,"#.utf8)
        var file = try Data(contentsOf: last)
        let place = try #require(file.range(of: constant))
        file.replaceSubrange(place, with: Data(repeating: UInt8(ascii: " "), count: constant.count))
        try file.write(to: last)
        #expect(try filter() == MomentFilter(significance: .infinity))

        let resumed = try train(5, ["--resume"])
        #expect(resumed.exitCode == 0, "\(resumed.errors)")
        #expect(try filter() == MomentFilter(significance: .infinity))
        #expect(try TrainedModel(reading: last).step == 5)
    }
}
