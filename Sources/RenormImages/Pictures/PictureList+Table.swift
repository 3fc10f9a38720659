import Foundation
import RenormArrays

extension PictureList {
    /// The pictures that a table (CSV) names, a line each: path, label and, if it has such columns, split and source.
    ///
    /// Paths are relative to the table's folder. Labels are names of classes; where all are numbers classes are in the order of
    /// the numbers. Splits are train, val or test, or other names of these (`Dataset.Part`); lines without one are for training.
    /// Without a column of splits all parts are made, and without validation lines that part, by `options.split`.
    ///
    /// Pictures are in the order of the lines.
    ///
    /// - Parameter progress: called on this thread some ten times a second; what it throws ends the reading.
    /// - Throws: `ImagesError` for each way in which what is there can be wrong; what `progress` throws.
    public init(
        table url: URL, options: PictureListOptions = PictureListOptions(),
        progress: (PictureListProgress) throws -> Void = { _ in }
    ) throws {
        var builder = PictureListBuilder(path: url.path, options: options)
        try builder.add(table: url) { try progress(.found($0)) }
        self = try builder.list(
            name: url.lastPathComponent, root: url.standardizedFileURL.deletingLastPathComponent().path,
            progress: progress)
    }
}

extension PictureListBuilder {
    /// Adds the lines of a table.
    fileprivate mutating func add(table url: URL, progress: (Int) throws -> Void) throws {
        countsFilesOnce = false
        var reader = try CSVReader(url)
        guard try reader.next() else { throw ImagesError.empty(path: path) }
        let header = (0..<reader.fieldCount).map { reader.text($0) }
        let places = try options.columns.places(in: header, of: path)
        let known = options.classNames.map(Set.init)
        isParted = places.split != nil
        var folders: [[UInt8]: Int32] = [:]
        var last: (path: [UInt8], number: Int32)?
        while try reader.next() {
            guard reader.fieldCount == header.count else {
                throw ImagesError.damagedTable(
                    path: path, line: reader.line,
                    reason:
                        "it has \(reader.fieldCount) values, and the first line names \(header.count) columns"
                )
            }
            func wrong(_ column: Int, _ expected: String) -> ImagesError {
                .tableValue(
                    path: path, line: reader.line, column: header[column], found: reader.text(column),
                    expected: expected)
            }
            let file = tidied(reader.field(places.path))
            let end = file.lastIndex(of: UInt8(ascii: "/"))
            let folder = Array(file[..<(end.map { max($0, 1) } ?? 0)])
            let name = file[(end.map { $0 + 1 } ?? 0)...]
            guard !name.isEmpty, !file.contains(0) else { throw wrong(places.path, "the path of a picture") }
            let label = reader.text(places.label)
            guard !label.isEmpty else { throw wrong(places.label, "the name of a class") }
            if let known, !known.contains(label) {
                throw wrong(places.label, "one of the classes \(options.classNames!.few(20))")
            }
            var part = Dataset.Part.training
            if let split = places.split {
                let text = reader.text(split)
                guard let named = text.isEmpty ? .training : Dataset.Part(named: text) else {
                    let names = Dataset.Part.allCases.flatMap(\.names)
                    throw wrong(split, "one of \(names.joined(separator: ", ")), or nothing for training")
                }
                part = named
            }
            if last?.path != folder {
                let number = folders[folder] ?? Int32(columns.folders.count)
                if Int(number) == columns.folders.count {
                    columns.folders.append(folder)
                    folders[folder] = number
                }
                last = (folder, number)
            }
            columns.append(name: name, folder: last!.number, label: classes.number(of: label), part: part)
            if let source = places.source { columns.source.append(sources.number(of: reader.text(source))) }
            lines.append(Int32(clamping: reader.line))
            if columns.count % 1024 == 0 { try progress(columns.count) }
        }
        try progress(columns.count)
        guard columns.count > 0 else { throw ImagesError.empty(path: path) }
        try refuseRepeated()
    }

    /// A path without what says nothing: `./` at its beginning, and repeated `/`.
    private func tidied(_ field: ArraySlice<UInt8>) -> ArraySlice<UInt8> {
        let (slash, point) = (UInt8(ascii: "/"), UInt8(ascii: "."))
        var field = field
        while field.count > 1, field.first == point, field.dropFirst().first == slash {
            field = field.dropFirst(2).drop { $0 == slash }
        }
        guard zip(field, field.dropFirst()).contains(where: { $0 == slash && $1 == slash }) else {
            return ArraySlice(Array(field))
        }
        var result: [UInt8] = []
        for byte in field where !(byte == slash && result.last == slash) { result.append(byte) }
        return result[...]
    }

    /// Refuses a table that names a picture twice.
    private func refuseRepeated() throws {
        // Equal paths have equal hashes, and lie beside each other when these are sorted.
        var hashes = (0..<columns.count).map { picture in
            var fingerprint = Fingerprint()
            columns.path(of: picture).withUnsafeBytes { fingerprint.add($0) }
            return (hash: fingerprint.value, picture: Int32(picture))
        }
        hashes.sort { ($0.hash, $0.picture) < ($1.hash, $1.picture) }
        var first: (line: Int32, earlier: Int32, picture: Int)?
        for place in hashes.indices.dropFirst() where hashes[place].hash == hashes[place - 1].hash {
            let (one, other) = (Int(hashes[place - 1].picture), Int(hashes[place].picture))
            guard columns.path(of: one) == columns.path(of: other) else { continue }
            if first == nil || lines[other] < first!.line { first = (lines[other], lines[one], other) }
        }
        if let first {
            throw ImagesError.repeatedPicture(
                path: path, line: Int(first.line), first: Int(first.earlier),
                picture: String(decoding: columns.path(of: first.picture), as: UTF8.self))
        }
    }
}
