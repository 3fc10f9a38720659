import Foundation
import RenormArrays
import RenormFormats
import RenormImages
import RenormTestSupport
import Testing

/// A file, and the pixels that Pillow finds in it; made by scripts/fixtures/pictures.py.
struct PillowPicture {
    let name: String
    let bytes: [UInt8]
    /// "RGB", "L", "RGB-black", "RGB-2", "RGB-4" and "RGB-8", as far as they are there.
    let expected: [String: NDArray]

    /// Pictures of every kind, by several writers.
    static let all: [PillowPicture] = {
        let file = fixtures.appendingPathComponent("pictures.safetensors")
        guard let arrays = try? NamedArrays(safetensors: file).arrays else { return [] }
        var expected: [String: [String: NDArray]] = [:]
        for (name, array) in arrays {
            let parts = name.split(separator: "/").map(String.init)
            expected[parts[0], default: [:]][parts.count > 1 ? parts[1] : "file"] = array
        }
        return expected.keys.sorted().map { name in
            let bytes = expected[name]!.removeValue(forKey: "file")!.values(of: UInt8.self)
            return PillowPicture(name: name, bytes: bytes, expected: expected[name]!)
        }
    }()
}

/// Decoded pictures against Pillow's.
@Suite struct PillowTests {
    /// JPEGs whose scans leave bits out: libjpeg smooths their blocks, and does it otherwise in each version.
    private static let smoothed = ["scans-half.jpg": 2, "scans-unfinished.jpg": 12]

    @Test func pixelsAreThoseOfPillow() throws {
        #expect(PillowPicture.all.count > 400)
        var compared = 0
        for picture in PillowPicture.all {
            for (form, expected) in picture.expected {
                let options = DecodingOptions(
                    channels: form == "L" ? 1 : 3, background: form == "RGB-black" ? .black : .white)
                let reduction = Int(form.split(separator: "-").last!) ?? 1
                let found = try PictureDecoder.decode(
                    picture.bytes, options, reduction: reduction, path: picture.name)
                #expect(found.shape == expected.shape, "\(picture.name) as \(form)")
                guard found.shape == expected.shape else { continue }
                let differences = zip(found.values(of: UInt8.self), expected.values(of: UInt8.self)).map {
                    abs(Int($0) - Int($1))
                }
                // The same version of libjpeg-turbo gives the same pixels; others may differ by 1.
                let isJPEG = try PictureHeader(picture).format == .jpeg
                let bound = Self.smoothed[picture.name] ?? (isJPEG ? 1 : 0)
                #expect(differences.max()! <= bound, "\(picture.name) as \(form)")
                compared += 1
            }
        }
        #expect(compared > 1000)
    }

    @Test func headersSayWhatPixelsThereAre() throws {
        for picture in PillowPicture.all {
            guard let expected = picture.expected["RGB"] else { continue }
            let header = try PictureHeader(picture)
            #expect([header.height, header.width, 3] == expected.shape.dimensions, "\(picture.name)")
            let suffix = picture.name.split(separator: ".").last!
            let format = ["jpg": "jpeg", "mpo": "jpeg"][suffix] ?? String(suffix)
            #expect(header.format.rawValue == format)
            let rgb = expected.values(of: UInt8.self)
            let hasColours = rgb.indices.contains { rgb[$0] != rgb[$0 - $0 % 3] }
            // Palettes may be gray too.
            if hasColours { #expect(header.isColour, "\(picture.name)") }
            if picture.name.contains("gray") && header.format != .gif {
                #expect(!header.isColour, "\(picture.name)")
            }
            if picture.name.hasPrefix("oriented-"),
                let number = Int(picture.name.split(separator: "-")[1].prefix(1))
            {
                #expect(header.orientation == ((1...8).contains(number) ? number : 1), "\(picture.name)")
            }
        }
    }

    @Test func headersAreFoundInTheFirstBytes() throws {
        for picture in PillowPicture.all {
            let whole = try PictureHeader(picture)
            try picture.bytes.withUnsafeBytes { bytes in
                var length = 1
                while true {
                    let prefix = UnsafeRawBufferPointer(rebasing: bytes[..<min(length, bytes.count)])
                    let found = try PictureHeader(prefix: prefix, length: bytes.count, path: "")
                    if let found {
                        #expect(found == whole, "\(picture.name)")
                        break
                    }
                    #expect(prefix.count < bytes.count)
                    length *= 2
                }
            }
        }
    }
}

extension PictureHeader {
    init(_ picture: PillowPicture) throws {
        self = try picture.bytes.withUnsafeBytes {
            try #require(try PictureHeader(prefix: $0, length: $0.count, path: picture.name))
        }
    }
}
