import Foundation

/// Data by name, as on a command line: `fashion-mnist`, `idx:DIR`, or what a package has registered in `DataSources`.
public struct DataSource: Sendable, CustomStringConvertible {
    private let row: DataSources.Row
    private let argument: String?

    /// The text form, with a path in full.
    public let description: String

    /// Reads the text form.
    ///
    /// - Throws: `ImagesError.unknownChoice`.
    public init(parsing text: String) throws {
        guard let (row, argument) = DataSources.table.find(text) else {
            throw ImagesError.unknownChoice(
                option: DataSources.table.kind, found: text, choices: DataSources.forms)
        }
        self.row = row
        guard row.isPath, let argument else {
            self.argument = argument
            description = text
            return
        }
        let path = URL(fileURLWithPath: argument).path
        self.argument = path
        description = text.prefix { $0 != ":" } + ":" + path
    }

    /// The classes, where they are the same whatever is opened.
    public var classNames: [String]? { row.classNames }

    /// Whether the data are where a path says, which may be another the next time.
    public var isPath: Bool { row.isPath }

    /// Loads both parts.
    ///
    /// - Parameter numbering: Which class a label means, where the source does not know.
    public func load(numbering: LabelNumbering = LabelNumbering()) throws
        -> (training: Dataset, test: Dataset)
    {
        if let known = classNames?.count,
            numbering.offset != 0 || (numbering.classes ?? known) != known
        {
            throw ImagesError.namedClasses(
                data: description, found: numbering.classes ?? known, offset: numbering.offset, classes: known
            )
        }
        return try Dataset.bothParts { part, classNames in
            try row.open(
                DataRequest(argument: argument, part: part, classNames: classNames, numbering: numbering))
        }
    }

    /// Loads one part, whose classes are known from a trained network.
    public func load(_ part: Dataset.Part, classNames: [String], labelOffset: Int = 0) throws -> Dataset {
        try row.open(
            DataRequest(
                argument: argument, part: part, classNames: classNames,
                numbering: LabelNumbering(offset: labelOffset)))
    }

    /// Loads both parts of several sources, joined.
    public static func load(
        _ sources: [DataSource], numbering: LabelNumbering = LabelNumbering()
    ) throws -> (training: Dataset, test: Dataset) {
        let parts = try sources.map { try $0.load(numbering: numbering) }
        return (try joined(parts.map(\.training)), try joined(parts.map(\.test)))
    }

    /// Loads one part of several sources, joined, whose classes are known from a trained network.
    public static func load(
        _ sources: [DataSource], _ part: Dataset.Part, classNames: [String], labelOffset: Int = 0
    ) throws -> Dataset {
        try joined(sources.map { try $0.load(part, classNames: classNames, labelOffset: labelOffset) })
    }

    private static func joined(_ parts: [Dataset]) throws -> Dataset {
        parts.count == 1 ? parts[0] : try Dataset(joining: parts)
    }
}
