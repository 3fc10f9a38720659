import Foundation
import RenormImages
import Testing

/// A BMP file of one colour in 24 bits.
func bitmap(height: Int = 3, width: Int = 4, _ colour: [UInt8] = [10, 20, 30]) -> [UInt8] {
    func number(_ value: Int, _ count: Int) -> [UInt8] {
        (0..<count).map { UInt8(truncatingIfNeeded: value >> (8 * $0)) }
    }
    let row = (0..<width).flatMap { _ in [colour[2], colour[1], colour[0]] }
    let line = row + [UInt8](repeating: 0, count: (4 - row.count % 4) % 4)
    let size = 54 + line.count * height
    return Array("BM".utf8) + number(size, 4) + number(0, 4) + number(54, 4) + number(40, 4)
        + number(width, 4) + number(height, 4) + number(1, 2) + number(24, 2) + number(0, 4)
        + number(line.count * height, 4) + number(2835, 4) + number(2835, 4) + number(0, 8)
        + (0..<height).flatMap { _ in line }
}

extension TemporaryFolder {
    /// Writes a file below the folder, and the folders on the way to it.
    @discardableResult func add(_ path: String, _ bytes: [UInt8]? = nil) throws -> URL {
        let file = url.appendingPathComponent(path)
        try FileManager.default.createDirectory(
            at: file.deletingLastPathComponent(), withIntermediateDirectories: true)
        try Data(bytes ?? bitmap()).write(to: file)
        return file
    }

    /// Writes so many pictures of a class, each of a width of its own.
    func add(_ folder: String, count: Int, suffix: String = "bmp") throws {
        for picture in 0..<count { try add("\(folder)/\(picture).\(suffix)", bitmap(width: picture + 1)) }
    }

    /// Makes a symbolic link below the folder.
    func link(_ path: String, to target: String) throws {
        let file = url.appendingPathComponent(path)
        try FileManager.default.createDirectory(
            at: file.deletingLastPathComponent(), withIntermediateDirectories: true)
        try FileManager.default.createSymbolicLink(atPath: file.path, withDestinationPath: target)
    }
}

extension PictureList {
    /// The paths of all pictures, in the list's order.
    var paths: [String] { (0..<count).map { path(of: $0) } }

    /// The class of each path.
    var classOfPath: [String: String] {
        Dictionary(uniqueKeysWithValues: (0..<count).map { (path(of: $0), classNames[Int(labels[$0])]) })
    }

    /// The part of each path.
    var partOfPath: [String: Dataset.Part] {
        Dictionary(uniqueKeysWithValues: (0..<count).map { (path(of: $0), part(of: $0)) })
    }
}

/// The message of the error that a list's making throws.
func message(
    in folder: TemporaryFolder, options: PictureListOptions = PictureListOptions(),
    sourceLocation: SourceLocation = #_sourceLocation
) throws -> String {
    try #require(throws: ImagesError.self, sourceLocation: sourceLocation) {
        try PictureList(folder.url, options: options)
    }.message(in: folder)
}
