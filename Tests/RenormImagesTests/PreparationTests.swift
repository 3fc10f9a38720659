import Foundation
import RenormArrays
import RenormImages
import RenormTestSupport
import Testing

@Suite struct PreparationTests {
    @Test func aPictureIsPreparedAsInValidation() throws {
        let folder = try TemporaryFolder()
        for name in ["a", "b"] {
            let place = folder.url.appendingPathComponent("all/\(name)")
            try FileManager.default.createDirectory(at: place, withIntermediateDirectories: true)
            try FileManager.default.copyItem(
                at: Fixture.url("images/large.png"), to: place.appendingPathComponent("x.png"))
        }
        let list = try PictureList(folder.url.appendingPathComponent("all"))
        for fit in [Fit.squash, .crop(), .letterbox] {
            let preparation = Preparation(
                framing: Framing(size: ImageSize(height: 12, width: 20, channels: 3), fit: fit),
                scaling: InputScaling(mean: [0.5, 0.4, 0.3], deviation: [0.2, 0.3, 0.4]))
            let dataset = try Dataset(
                list.datasetIndex, images: PictureFiles(list), framing: preparation.framing)
            let loader = BatchLoader(dataset: dataset, scaling: preparation.scaling, batches: [[1]])
            let batch = try #require(try loader.next())
            let file = folder.url.appendingPathComponent("all/b/x.png")
            #expect(try preparation.scaling(preparation.images(in: file)) == batch.images, "\(fit)")
        }
    }
}
