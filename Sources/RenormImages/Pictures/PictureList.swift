import Foundation
import RenormArrays

/// A list of pictures with their classes, in little memory: about 100 bytes for each of a million.
///
/// It is made of a folder, of archives or of a table (`init(_:options:progress:)`, `init(table:…)`), with what every picture's
/// header says; nothing is decoded yet. `PictureFiles` reads the pictures of a list.
public struct PictureList: Sendable {
    /// What messages call it: the folder's, archive's or table's name.
    public let name: String
    /// What the classes are called; a label is a place among them.
    public let classNames: [String]
    /// What the sources are called (cameras, places); empty where there are none.
    public let sourceNames: [String]
    /// The parts that there are.
    public let parts: Set<Dataset.Part>
    /// What was left out, and what is odd.
    public let report: PictureListReport
    /// Whether nothing parted the pictures, so that they were split.
    public let isSplit: Bool
    let columns: PictureColumns
    let places: PicturePlaces

    /// The same pictures, all in one part.
    func joined(as part: Dataset.Part) -> PictureList {
        var columns = columns
        columns.part = [Dataset.Part](repeating: part, count: count)
        return PictureList(
            name: name, classNames: classNames, sourceNames: sourceNames, parts: [part], report: report,
            isSplit: false, columns: columns, places: places)
    }

    /// The number of pictures.
    public var count: Int { columns.count }

    /// The folder that paths are relative to.
    public var root: String { places.root }

    /// The path of a picture below `root`, or from `/`; in an archive, the archive's followed by that in it.
    public func path(of picture: Int) -> String {
        String(decoding: columns.path(of: picture), as: UTF8.self)
    }

    /// The number of bytes of a picture's file.
    public func fileSize(of picture: Int) -> Int { columns.size[picture] }

    /// What its file says of a picture.
    public func header(of picture: Int) -> PictureHeader {
        columns.traits[picture].header(height: columns.height[picture], width: columns.width[picture])
    }

    /// The class of each picture, as a place in `classNames`.
    public var labels: [Int32] { columns.label }

    /// The part that a picture belongs to.
    public func part(of picture: Int) -> Dataset.Part { columns.part[picture] }

    /// The pictures of a part, in the list's order.
    public func pictures(of part: Dataset.Part) -> [Int] {
        columns.part.indices.filter { columns.part[$0] == part }
    }

    /// The source of a picture, as a place in `sourceNames`; `nil` where there are none.
    public func source(of picture: Int) -> Int? {
        columns.source.isEmpty ? nil : Int(columns.source[picture])
    }

    /// The number of pictures of each class, in all parts or in one.
    public func classCounts(of part: Dataset.Part? = nil) -> [Int] {
        var counts = [Int](repeating: 0, count: classNames.count)
        for picture in 0..<count where part == nil || columns.part[picture] == part {
            counts[Int(columns.label[picture])] += 1
        }
        return counts
    }

    /// The number of channels that all pictures can be had with: 1 if all are gray, else 3.
    public var commonChannels: Int { columns.traits.contains { $0.isColour } ? 3 : 1 }

    /// The height and width of all pictures, with the channels that they have in common, if they are all of one size.
    public var commonSize: ImageSize? {
        guard let height = columns.height.first, let width = columns.width.first,
            columns.height.allSatisfy({ $0 == height }), columns.width.allSatisfy({ $0 == width })
        else { return nil }
        return ImageSize(height: Int(height), width: Int(width), channels: commonChannels)
    }

    /// The index of a dataset whose image i is picture i of the list.
    public var datasetIndex: DatasetIndex {
        DatasetIndex(
            name: name, classNames: classNames, labels: columns.label,
            sources: sourceNames.isEmpty ? [name] : sourceNames,
            origins: columns.source.isEmpty ? nil : columns.source)
    }
}
