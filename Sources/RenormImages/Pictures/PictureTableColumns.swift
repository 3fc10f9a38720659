/// What the columns of a table of pictures are called, in whatever letters; the first name that is there is taken.
public struct PictureTableColumns: Hashable, Sendable {
    /// The paths, relative to the table's folder.
    public var path = ["path", "file", "filename", "image"]
    /// The classes' names.
    public var label = ["label", "class", "target"]
    /// The parts; a table need not have it.
    public var split = ["split", "part", "set"]
    /// The sources (cameras, places); a table need not have it.
    public var source = ["source", "camera"]

    /// The usual names.
    public init() {}

    /// The places of the columns.
    struct Places {
        var path: Int
        var label: Int
        var split: Int?
        var source: Int?
    }

    /// Finds the columns in a table's first line.
    ///
    /// - Throws: `ImagesError.missingColumn` for one that is needed, or that has a name other than the usual ones.
    func places(in header: [String], of table: String) throws -> Places {
        let names = header.map { $0.lowercased() }
        func find(_ wanted: [String], isNeeded: Bool) throws -> Int? {
            for name in wanted {
                if let place = names.firstIndex(of: name.lowercased()) { return place }
            }
            guard isNeeded else { return nil }
            throw ImagesError.missingColumn(path: table, wanted: wanted, found: header)
        }
        let usual = PictureTableColumns()
        return Places(
            path: try find(path, isNeeded: true)!, label: try find(label, isNeeded: true)!,
            split: try find(split, isNeeded: split != usual.split),
            source: try find(source, isNeeded: source != usual.source))
    }
}
