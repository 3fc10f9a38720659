import Foundation
import Renorm
import RenormTestSupport
import Testing

@Suite struct PNGFileTests {
    /// libpng reads what is written.
    @Test(arguments: [(1, 1, 1), (7, 5, 1), (3, 9, 3), (224, 224, 3)])
    func aPictureIsReadAgain(_ height: Int, _ width: Int, _ channels: Int) throws {
        var random = Random(seed: 3, stream: "png", counter: height)
        let values = (0..<height * width * channels).map { _ in UInt8(random.integer(below: 256)) }
        let pixels = NDArray(values, shape: [height, width, channels])
        let folder = try TemporaryFolder()
        let file = folder.url.appendingPathComponent("a.png")
        try Data(PNGFile.bytes(pixels)).write(to: file)
        let framing = Framing(size: ImageSize(height: height, width: width, channels: channels))
        let read = try ImageFile(file, framing: framing).images
        #expect((read.reshaped(to: [height, width, channels]) == pixels) == true)
    }
}
