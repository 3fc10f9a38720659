import Foundation
import RenormArrays
import RenormImages
import Testing

@Suite struct PlacementTests {
    private func picture(_ height: Int, _ width: Int, _ channels: Int) -> NDArray {
        let values = (0..<height * width * channels).map { UInt8(truncatingIfNeeded: $0 * 37 + 11) }
        return NDArray(values, shape: [1, height, width, channels])
    }

    @Test(arguments: [
        (0, 0, 5, 7), (-2, 3, 5, 7), (1, 1, 3, 4), (-3, -4, 12, 15), (4, 6, 2, 2), (9, 0, 2, 3),
        (0, -20, 2, 3),
    ])
    func aCropOfItsOwnSizeIsCopied(top: Int, left: Int, height: Int, width: Int) {
        for channels in [1, 3] {
            for isMirrored in [false, true] {
                let picture = picture(5, 7, channels)
                let old = picture.values(of: UInt8.self)
                let crop = Placement.Crop(
                    top: Double(top), left: Double(left), height: Double(height), width: Double(width))
                let placed = Placement(crop, height: height, width: width, isMirrored: isMirrored)(picture)
                var expected: [UInt8] = []
                for row in top..<top + height {
                    for x in 0..<width {
                        let column = left + (isMirrored ? width - 1 - x : x)
                        let isInside = (0..<5).contains(row) && (0..<7).contains(column)
                        for channel in 0..<channels {
                            expected.append(isInside ? old[(row * 7 + column) * channels + channel] : 0)
                        }
                    }
                }
                #expect(placed.shape == [1, height, width, channels])
                #expect(placed.values(of: UInt8.self) == expected)
            }
        }
    }

    /// Files made by scripts/fixtures/images.py.
    @Test(arguments: Interpolation.allCases, ["smaller", "larger"])
    func cropsAreResizedAsPillowDoes(interpolation: Interpolation, name: String) throws {
        func read(_ name: String) throws -> NDArray {
            let url = fixtures.appendingPathComponent("images/\(name).png")
            let image = try PNGDecoder.decode([UInt8](Data(contentsOf: url)), channels: 3, path: name)
            return image.reshaped(to: TensorShape([1] + image.shape.dimensions))
        }
        let expected = try read("large-\(name)-\(interpolation)")
        let crop =
            name == "smaller"
            ? Placement.Crop(top: 2.25, left: 3.5, height: 35.5, width: 24.5)
            : Placement.Crop(top: 5.5, left: 4, height: 25.5, width: 16.5)
        let placement = Placement(
            crop, height: expected.shape[1], width: expected.shape[2], interpolation: interpolation)
        let placed = try placement(read("large"))
        #expect(placed == expected)
    }

    private struct Resizing: Decodable {
        let picture: [Int], crop: [Double], size: [Int], filter: Interpolation, hash: String

        /// Byte i is the top byte of (i + 1) · 2654435761, XORed with the next lower one.
        func pixels() -> NDArray {
            let values = (1...UInt32(picture.reduce(1, *))).map { number in
                let word = number &* 2_654_435_761
                return UInt8(truncatingIfNeeded: word >> 24 ^ word >> 16)
            }
            return NDArray(values, shape: TensorShape([1] + picture))
        }
    }

    /// The file is made by scripts/fixtures/resampling.py.
    @Test func resizedCropsArePillowsToTheBit() throws {
        let file = fixtures.appendingPathComponent("images/resampling.json")
        let cases = try JSONDecoder().decode([Resizing].self, from: Data(contentsOf: file))
        #expect(cases.count >= 200)
        for (number, one) in cases.enumerated() {
            let crop = Placement.Crop(
                top: one.crop[0], left: one.crop[1], height: one.crop[2], width: one.crop[3])
            let placement = Placement(
                crop, height: one.size[0], width: one.size[1], interpolation: one.filter)
            #expect(String(format: "%016lx", placement(one.pixels()).hash) == one.hash, "case \(number)")
        }
    }

    @Test func outsideThePictureIsNothingAndInsideItsOwnPixels() {
        // Twice as large as the picture, at the picture's size: a quarter of it in each direction is outside.
        let picture = NDArray(repeating: UInt8(200), shape: [1, 8, 8, 1])
        for interpolation in Interpolation.allCases {
            let placement = Placement(
                Placement.Crop(top: -4, left: -4, height: 16, width: 16), height: 8, width: 8,
                interpolation: interpolation)
            let placed = placement(picture).values(of: UInt8.self)
            for y in 0..<8 {
                for x in 0..<8 {
                    let isInside = (2..<6).contains(y) && (2..<6).contains(x)
                    #expect(placed[y * 8 + x] == (isInside ? 200 : 0))
                }
            }
        }
    }

    @Test func mirroringComesLast() {
        let picture = picture(6, 8, 3)
        let crop = Placement.Crop(top: 0.5, left: 1.25, height: 4, width: 5)
        var placement = Placement(crop, height: 3, width: 4)
        let rows = placement(picture).values(of: UInt8.self)
        placement.isMirrored = true
        let mirrored = placement(picture).values(of: UInt8.self)
        for y in 0..<3 {
            for x in 0..<4 {
                for channel in 0..<3 {
                    #expect(mirrored[(y * 4 + x) * 3 + channel] == rows[(y * 4 + 3 - x) * 3 + channel])
                }
            }
        }
    }

    @Test(arguments: [
        Placement.Crop(top: 0, left: 0, height: 6, width: 8), .init(top: -1, left: 2, height: 4, width: 5),
    ])
    func flippingExchangesRows(crop: Placement.Crop) {
        let picture = picture(6, 8, 3)
        for (height, width) in [(4, 5), (6, 8)] {
            for isMirrored in [false, true] {
                var placement = Placement(crop, height: height, width: width, isMirrored: isMirrored)
                let rows = placement(picture).values(of: UInt8.self)
                placement.isFlipped = true
                let flipped = placement(picture).values(of: UInt8.self)
                for y in 0..<height {
                    let (new, old) = (y * width * 3, (height - 1 - y) * width * 3)
                    #expect(flipped[new..<new + width * 3].elementsEqual(rows[old..<old + width * 3]))
                }
            }
        }
    }

    /// The bytes that Pillow makes of these pictures, and earlier versions have predicted by.
    @Test(
        arguments: [
            (28, 28, 0x1ab7_bfda_8d3c_cb51), (64, 45, 0x3cd7_2bc0_d19b_8d71), (13, 50, 0xffcb_8ae3_b6b6_947b),
            (40, 20, 0x29e9_7a56_0097_b3d4), (1, 1, 0x7a1b_84c7_a85d_4f6f),
        ] as [(Int, Int, UInt64)])
    func resizedPicturesStayTheSame(height: Int, width: Int, expected: UInt64) throws {
        let pictures = try numbered([0, 1], height: 40, width: 31, channels: 3).images
        #expect(resized(pictures, height: height, width: width).hash == expected)
    }

    @Test func whatIsNeededIsWhatCounts() {
        let size = ImageSize(height: 40, width: 30, channels: 1)
        // New rows have their middles at 12, 15, 18 and 21; of the new columns only the last has its own, at 1, inside.
        let crop = Placement.Crop(top: 10.5, left: -6, height: 12, width: 8)
        for (interpolation, rows, columns) in [
            (Interpolation.nearest, 12..<22, 1..<2), (.bilinear, 9..<24, 0..<3), (.bicubic, 6..<27, 0..<5),
        ] {
            let placement = Placement(crop, height: 4, width: 4, interpolation: interpolation)
            let needed = placement.pixelsNeeded(of: size)
            #expect(needed.rows == rows, "\(interpolation)")
            #expect(needed.columns == columns, "\(interpolation)")
        }
        let outside = Placement(Placement.Crop(top: 50, left: 0, height: 4, width: 4), height: 2, width: 2)
        #expect(outside.pixelsNeeded(of: size).rows.isEmpty)
    }
}
