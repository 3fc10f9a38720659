import Foundation
import RenormArrays

/// What `--data` can name: the table of data sources.
///
/// A package adds its own, which are then found by name wherever data are named:
///
///     DataSources.register("stripes", argument: .required("COUNT"), help: "for as many pictures of stripes") { request in
///         try stripes(count: request.argument!, for: request.part)
///     }
public enum DataSources {
    /// A row of the table: how data of a name are opened.
    public struct Row: Sendable {
        /// What follows the name in help texts.
        public var help: String
        /// Whether the argument is a path, which is recorded in full.
        public var isPath: Bool
        /// The classes, where they are the same whatever is opened; `nil`: the data or the request say them.
        public var classNames: [String]?
        /// The parts that it may have.
        public var parts: Set<Dataset.Part> = [.training, .test]
        /// Opens one part of the data, or throws what keeps it from that; `nil`: these data have no such part.
        public var open: @Sendable (DataRequest) throws -> Dataset?
    }

    /// What follows a name and a colon.
    public typealias Argument = Registry<Row>.Argument

    /// Adds a source, or puts it in the place of another.
    ///
    /// - Parameters:
    ///   - name: what is written before the argument.
    ///   - argument: what is written after the name and a colon.
    ///   - isPath: whether the argument is a path, which is then recorded in full.
    ///   - classNames: the classes, where they are the same whatever is opened; labels are then their numbers, from 0.
    ///   - help: a few words that follow the name in help texts.
    ///   - parts: the parts that the data may have; without a validation part some examples are held out of training.
    ///   - replaces: whether the name may be there already; where it is, and this is false, the program stops.
    ///   - open: opens one part of the data; `nil`: there is no such part.
    public static func register(
        _ name: String, argument: Argument = .none, isPath: Bool = false, classNames: [String]? = nil,
        help: String = "", parts: Set<Dataset.Part> = [.training, .test], replaces: Bool = false,
        open: @escaping @Sendable (DataRequest) throws -> Dataset?
    ) {
        table.register(
            name, argument: argument, replaces: replaces,
            Row(help: help, isPath: isPath, classNames: classNames, parts: parts, open: open))
    }

    /// What may be written, in the order of registration: `fashion-mnist`, `idx:DIR`.
    public static var forms: [String] { table.forms }

    /// The forms in half a sentence: `fashion-mnist, or idx:DIR`.
    public static var formsText: String { listed(forms) }

    /// The same with what each means, for help texts.
    public static var help: String {
        listed(
            table.entries.map { forms, row in
                forms.joined(separator: " or ") + (row.help.isEmpty ? "" : " \(row.help)")
            })
    }

    private static func listed(_ items: [String]) -> String {
        (items.dropLast() + ["or \(items.last!)"]).joined(separator: ", ")
    }

    static let table: Registry<Row> = {
        let table = Registry<Row>(of: "data source")
        table.register(
            "fashion-mnist",
            Row(help: "", isPath: false, classNames: Dataset.fashionMNISTClassNames) { request in
                try Dataset.idxPart(
                    request.part, Dataset.fashionMNISTFolder(), name: "fashion-mnist",
                    classNames: request.classNames ?? Dataset.fashionMNISTClassNames)
            })
        table.register(
            "idx", argument: .required("DIR"),
            Row(help: "for a folder of IDX files (.gz or not)", isPath: true, classNames: nil) { request in
                try Dataset.idxPart(
                    request.part, URL(fileURLWithPath: request.argument!), classNames: request.classNames,
                    numbering: request.numbering)
            })
        table.register("images", argument: .required("PATH"), images)
        table.register("csv", argument: .required("FILE"), csv)
        return table
    }()
}

/// What is asked of a data source.
public struct DataRequest: Sendable {
    /// What was written after the name and the colon, a path in full; `nil` where nothing was.
    public var argument: String?
    /// Which part is wanted.
    public var part: Dataset.Part
    /// The classes, where they are known already: from the training part, or from a trained network.
    public var classNames: [String]?
    /// How images are brought to one size, where it is known already, as `classNames`; `nil`: by the options and the data.
    public var framing: Framing?
    /// Which class a label means, where the data do not say.
    public var numbering: LabelNumbering
    /// How files of pictures are found and read.
    public var pictures: PictureOptions
    /// Is told what happens; what it throws ends the opening.
    public var observe: @Sendable (DataEvent) throws -> Void
    /// What was found for the parts that were opened before.
    public let opening = DataOpening()
}
