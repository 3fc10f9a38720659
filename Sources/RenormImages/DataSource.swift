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

    /// Loads all parts.
    ///
    /// - Parameters:
    ///   - numbering: Which class a label means, where the source does not know.
    ///   - pictures: How files of pictures are found and read.
    ///   - observe: Is told what happens; what it throws ends the loading.
    public func load(
        numbering: LabelNumbering = LabelNumbering(), pictures: PictureOptions = PictureOptions(),
        observe: @escaping @Sendable (DataEvent) throws -> Void = { _ in }
    ) throws -> DataParts {
        if let known = classNames?.count,
            numbering.offset != 0 || (numbering.classes ?? known) != known
        {
            throw ImagesError.namedClasses(
                data: description, found: numbering.classes ?? known, offset: numbering.offset, classes: known
            )
        }
        var request = DataRequest(
            argument: argument, part: .training, numbering: numbering, pictures: pictures, observe: observe)
        let training = try open(request)
        (request.classNames, request.framing) = (training.classNames, training.framing)
        var parts = try DataParts(
            training: training, validation: openIfThere(.validation, request),
            test: openIfThere(.test, request))
        if let list: PictureList = request.opening.known() { parts.pictures = [list] }
        return parts
    }

    /// Loads one part, whose classes, and how its images are framed, are known from a trained network.
    ///
    /// - Throws: `ImagesError.noPart` if the data have no such part.
    public func load(
        _ part: Dataset.Part, classNames: [String], labelOffset: Int = 0, framing: Framing? = nil,
        pictures: PictureOptions = PictureOptions(),
        observe: @escaping @Sendable (DataEvent) throws -> Void = { _ in }
    ) throws -> Dataset {
        try open(
            DataRequest(
                argument: argument, part: part, classNames: classNames, framing: framing,
                numbering: LabelNumbering(offset: labelOffset), pictures: pictures, observe: observe))
    }

    private func open(_ request: DataRequest) throws -> Dataset {
        guard row.parts.contains(request.part), let found = try row.open(request) else {
            throw ImagesError.noPart(data: description, part: request.part.rawValue)
        }
        return found
    }

    private func openIfThere(_ part: Dataset.Part, _ request: DataRequest) throws -> Dataset? {
        guard row.parts.contains(part) else { return nil }
        var request = request
        request.part = part
        return try row.open(request)
    }

    /// Loads all parts of several sources, joined.
    public static func load(
        _ sources: [DataSource], numbering: LabelNumbering = LabelNumbering(),
        pictures: PictureOptions = PictureOptions(),
        observe: @escaping @Sendable (DataEvent) throws -> Void = { _ in }
    ) throws -> DataParts {
        let all = try sources.map { try $0.load(numbering: numbering, pictures: pictures, observe: observe) }
        return all.count == 1 ? all[0] : try DataParts(joining: all)
    }

    /// Loads one part of several sources, joined, whose classes are known from a trained network.
    public static func load(
        _ sources: [DataSource], _ part: Dataset.Part, classNames: [String], labelOffset: Int = 0,
        framing: Framing? = nil, pictures: PictureOptions = PictureOptions(),
        observe: @escaping @Sendable (DataEvent) throws -> Void = { _ in }
    ) throws -> Dataset {
        let parts = try sources.map {
            try $0.load(
                part, classNames: classNames, labelOffset: labelOffset, framing: framing, pictures: pictures,
                observe: observe)
        }
        return parts.count == 1 ? parts[0] : try Dataset(joining: parts)
    }
}
