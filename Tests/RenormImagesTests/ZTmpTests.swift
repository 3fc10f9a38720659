import Foundation
import RenormArrays
import RenormImages
import Testing

@Suite struct ZTmpTests {
    @Test func partsAreTheWhole() throws {
        let url = URL(fileURLWithPath: "/work/main/.deps/datasets/photos")
        let list = try PictureList(url)
        let whole = PictureFiles(list)
        let augmentation = try Augmentation(parsing: "photo")
        var bad = 0
        for short: Int? in [nil, 128, 64] {
            let files = whole.reduced(toShortSide: short)
            let workspace = ImageWorkspace()
            for image in stride(from: 0, to: 3000, by: 23) {
                let size = files.size(of: image)
                var pixels = [UInt8](repeating: 0, count: size.valueCount)
                try pixels.withUnsafeMutableBufferPointer { try files.read(image, into: $0) }
                for step in 0..<4 {
                    let framing = Framing(size: ImageSize(height: 64, width: 64, channels: 3), fit: .crop())
                    let placement = step == 3 ? framing.placement(of: size) : augmentation.draw(seed: 1, step: step, position: image, picture: size, placement: framing.placement(of: size)).placement
                    let needed = placement.pixelsNeeded(of: size)
                    try files.withPixels(of: image, for: placement, in: workspace) { view in
                        var differs = view.size != size
                        for row in needed.rows {
                            for column in needed.columns {
                                for c in 0..<3 {
                                    let at = view.pixels[((row - view.rows.lowerBound) * view.columns.count + column - view.columns.lowerBound) * 3 + c]
                                    if at != pixels[(row * size.width + column) * 3 + c] { differs = true }
                                }
                            }
                        }
                        if differs {
                            bad += 1
                            if bad < 10 { print("BAD", short ?? 0, list.path(of: image), size, placement.crop, view.rows, view.columns, needed) }
                        }
                    }
                }
            }
        }
        #expect(bad == 0)
    }
}
