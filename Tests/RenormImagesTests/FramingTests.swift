import Foundation
import RenormArrays
import RenormImages
import RenormTestSupport
import Testing

@Suite struct FramingTests {
    private struct Cases: Decodable {
        struct Case: Decodable {
            var picture: [Int]
            var size: [Int]
            var fit: String
            var interpolation: Interpolation
        }
        var cases: [Case]
    }

    /// What `scripts/fixtures/framing.py` draws.
    private static func picture(_ extents: [Int]) -> NDArray {
        let (height, width, channels) = (extents[0], extents[1], extents[2])
        var values: [UInt8] = []
        for y in 0..<height {
            for x in 0..<width {
                for c in 0..<channels {
                    values.append(UInt8(truncatingIfNeeded: 37 * y + 11 * x + 71 * c + x * y))
                }
            }
        }
        return NDArray(values, shape: [1, height, width, channels])
    }

    @Test func picturesAreFramedAsPillowAndTorchvisionFrameThem() throws {
        let fixture = try Fixture("framing")
        let cases = try fixture.description(as: Cases.self).cases
        #expect(cases.count == fixture.names.count && cases.count > 100)
        for (number, item) in cases.enumerated() {
            let channels = item.picture[2]
            let framing = Framing(
                size: ImageSize(height: item.size[0], width: item.size[1], channels: channels),
                fit: try Fit(parsing: item.fit), interpolation: item.interpolation)
            let size = ImageSize(height: item.picture[0], width: item.picture[1], channels: channels)
            let found = framing.placement(of: size)(Self.picture(item.picture))
            let differences = zip(found.doubles, fixture["\(number)"].doubles).map { abs($0 - $1) }
            #expect(
                differences.max() == 0, "\(item.fit), \(item.interpolation): \(item.picture) to \(item.size)")
        }
    }

    @Test func fitsAreWords() throws {
        for (text, fit) in [
            ("squash", Fit.squash), ("crop", .crop(fraction: 0.875)), ("crop:0.5", .crop(fraction: 0.5)),
            ("letterbox", .letterbox),
        ] {
            #expect(try Fit(parsing: text) == fit)
            #expect("\(fit)" == text)
        }
        for text in ["", "crop:", "crop:0", "crop:1.5", "crop:nan", "stretch"] {
            #expect(throws: ImagesError.self) { try Fit(parsing: text) }
        }
    }

    @Test func aFramingComesBackFromAFile() throws {
        let framing = Framing(
            size: ImageSize(height: 3, width: 4, channels: 1), fit: .crop(fraction: 0.9),
            interpolation: .bicubic)
        let data = try JSONEncoder().encode(framing)
        #expect(try JSONDecoder().decode(Framing.self, from: data) == framing)
        let text = String(decoding: data, as: UTF8.self)
        let wrong = text.replacingOccurrences(of: "\"height\":3", with: "\"height\":0")
        #expect(wrong != text)
        #expect(throws: DecodingError.self) { try JSONDecoder().decode(Framing.self, from: Data(wrong.utf8)) }
    }
}
