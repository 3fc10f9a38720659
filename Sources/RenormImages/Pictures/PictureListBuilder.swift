import Foundation
import RenormArrays

/// What a list is made of before its files have been looked into, and the steps from there that are the same for folders,
/// archives and tables.
struct PictureListBuilder {
    /// What messages call the whole.
    let path: String
    let options: PictureListOptions
    var columns = PictureColumns()
    var archives: [PictureArchive] = []
    var report = PictureListReport()
    /// The names of classes and sources in the order in which they were found; labels and sources of the columns are places
    /// in these until the list is made.
    var classes = NameTable()
    var sources = NameTable()
    /// Pictures whose part is known; empty: all or none are.
    var hasPart: [Bool] = []
    /// Whether folders, archives or a column part all pictures.
    var isParted = false
    /// The lines of a table that the pictures are from.
    var lines: [Int32] = []
    /// Whether names that are all numbers are in the order of the numbers.
    var sortsNumbers = true
    /// Whether files that are the same one by device and number count once.
    var countsFilesOnce = true
    /// For each picture whether a symbolic link led to it; empty: none did.
    var isLinked: [Bool] = []
    /// Names of folders below each class's, for a message.
    var below: [String: Set<String>] = [:]
    /// What is wrong with pictures before their files are looked into, by index.
    var faults: [Int: String] = [:]

    init(path: String, options: PictureListOptions) {
        self.path = path
        self.options = options
    }

    /// Looks into the files and makes the list.
    ///
    /// - Throws: `ImagesError`; what `progress` throws.
    mutating func list(
        name: String, root: String, progress: (PictureListProgress) throws -> Void
    ) throws -> PictureList {
        let places = PicturePlaces(root: root, archives: archives)
        let total = columns.count
        let pass = try HeaderPass(&columns, in: places, lines: lines, options: options) {
            try progress(.read($0, of: total))
        }
        try progress(.read(total, of: total))
        try keep(pass)
        let classNames = try nameClasses()
        let parts = try makeParts(classNames)
        let sourceNames = nameSources()
        try warn(classNames, parts)
        return PictureList(
            name: name, classNames: classNames, sourceNames: sourceNames, parts: parts, report: report,
            isSplit: !isParted, columns: columns, places: places)
    }

    /// Leaves out what is no picture, broken, or there already.
    private mutating func keep(_ pass: HeaderPass) throws {
        for (suffix, count) in pass.others { report.others[suffix, default: 0] += count }
        var problems = PictureProblems()
        var broken = pass.broken.filter { faults[$0.index] == nil }
        for (index, message) in faults {
            broken.append((index, String(decoding: columns.path(of: index), as: UTF8.self), message))
        }
        let unlisted = pass.brokenCount - pass.broken.count
        for (_, path, message) in broken.sorted(by: { $0.index < $1.index }) { problems.add(path, message) }
        problems.addUnlisted(unlisted)
        var kept = faults.isEmpty ? pass.pictures : pass.pictures.filter { faults[$0] == nil }
        if problems.count > 0, !options.skipsBroken {
            throw ImagesError.brokenPictures(path: path, problems, of: kept.count + problems.count)
        }
        report.broken = problems
        if countsFilesOnce, pass.hasOtherNames || !isLinked.isEmpty {
            kept = firstNames(kept, pass.identities)
        }
        guard !kept.isEmpty else {
            if problems.count > 0 {
                throw ImagesError.brokenPictures(path: path, problems, of: problems.count)
            }
            throw ImagesError.noPictures(path: path, others: report.others, hidden: report.hidden)
        }
        columns.keep(kept)
        hasPart.keep(kept)
        (lines, isLinked, faults) = ([], [], [:])
    }

    /// Of pictures that are one file those that no link led to, and of these the first.
    private mutating func firstNames(_ pictures: [Int], _ identities: [FileIdentity]) -> [Int] {
        let order = pictures.sorted { first, second in
            let (one, other) = (identities[first], identities[second])
            if one.device != other.device { return one.device < other.device }
            if one.number != other.number { return one.number < other.number }
            let links = isLinked.isEmpty ? (false, false) : (isLinked[first], isLinked[second])
            return links.0 == links.1 ? first < second : !links.0
        }
        var isRepeated = Set<Int>()
        for (place, picture) in order.enumerated().dropFirst()
        where identities[picture] == identities[order[place - 1]] {
            isRepeated.insert(picture)
        }
        report.repeated += isRepeated.count
        return isRepeated.isEmpty ? pictures : pictures.filter { !isRepeated.contains($0) }
    }

    /// Brings the classes into their order, and leaves out those without a picture.
    private mutating func nameClasses() throws -> [String] {
        var counts = [Int](repeating: 0, count: classes.names.count)
        var trainingCounts = counts
        for picture in 0..<columns.count {
            let label = Int(columns.label[picture])
            counts[label] += 1
            if columns.part[picture] == .training || !isParted { trainingCounts[label] += 1 }
        }
        let used = classes.names.indices.filter { counts[$0] > 0 }.map { classes.names[$0] }
        report.emptyClasses = ordered(
            classes.names.indices.filter { counts[$0] == 0 }.map { classes.names[$0] }.filter { !$0.isEmpty })
        let names = options.classNames ?? ordered(used)
        let known = Set(
            options.classNames
                ?? classes.names.indices.filter { trainingCounts[$0] > 0 }.map { classes.names[$0] })
        let unknown = used.filter { !known.contains($0) }
        guard unknown.isEmpty else {
            throw ImagesError.unknownClasses(
                path: path, names: ordered(unknown), known: ordered(Array(known)))
        }
        if options.classNames == nil, names.count == 1 {
            throw ImagesError.oneClass(
                path: path, name: names[0], below: below[names[0], default: []].sorted())
        }
        let places = Dictionary(uniqueKeysWithValues: names.enumerated().map { ($1, Int32($0)) })
        let renumbered = classes.names.map { places[$0] ?? -1 }
        for picture in 0..<columns.count {
            columns.label[picture] = renumbered[Int(columns.label[picture])]
        }
        return names
    }

    /// Names by code point, as Python sorts them; numbers by their value where all are.
    private func ordered(_ names: [String]) -> [String] {
        let numbers = sortsNumbers ? names.map { Int($0) } : []
        if sortsNumbers, numbers.allSatisfy({ $0 != nil }) {
            return zip(numbers, names).sorted { ($0.0!, $0.1) < ($1.0!, $1.1) }.map(\.1)
        }
        return names.sorted { $0.unicodeScalars.lexicographicallyPrecedes($1.unicodeScalars) }
    }

    /// Parts what is not parted, and says which parts there are.
    private mutating func makeParts(_ classNames: [String]) throws -> Set<Dataset.Part> {
        var parts = Set<Dataset.Part>()
        if isParted {
            for part in columns.part { parts.insert(part) }
            if parts.contains(.training), !parts.contains(.validation), options.split.validation > 0 {
                var split = options.split
                split.test = 0
                let isTraining = columns.part.map { $0 == .training }
                columns.split(split, classNames: classNames) { isTraining[$0] }
            }
        } else {
            columns.split(options.split, classNames: classNames) { _ in true }
        }
        parts = []
        for part in columns.part { parts.insert(part) }
        return parts
    }

    private mutating func nameSources() -> [String] {
        guard !columns.source.isEmpty else { return [] }
        var isUsed = [Bool](repeating: false, count: sources.names.count)
        for source in columns.source { isUsed[Int(source)] = true }
        let names = ordered(sources.names.indices.filter { isUsed[$0] }.map { sources.names[$0] })
        let places = Dictionary(uniqueKeysWithValues: names.enumerated().map { ($1, Int32($0)) })
        let renumbered = sources.names.map { places[$0] ?? -1 }
        for picture in 0..<columns.count {
            columns.source[picture] = renumbered[Int(columns.source[picture])]
        }
        return names
    }

    /// Says what may be meant otherwise.
    private mutating func warn(_ classNames: [String], _ parts: Set<Dataset.Part>) throws {
        var counts = [Int](repeating: 0, count: classNames.count)
        for label in columns.label { counts[Int(label)] += 1 }
        let single = classNames.indices.filter { counts[$0] == 1 }.map { classNames[$0] }
        if !single.isEmpty, options.classNames == nil {
            report.warnings.append(
                "\(path.visible) holds a single picture of the class\(single.count == 1 ? "" : "es") \(single.few()): "
                    + "what is learned of \(single.count == 1 ? "it" : "them") cannot be measured. "
                    + "Add pictures, or remove the folder.")
        }
        if !report.emptyClasses.isEmpty {
            report.warnings.append(
                "\(path.visible) holds no picture of \(report.emptyClasses.few()), which "
                    + "\(report.emptyClasses.count == 1 ? "is therefore no class" : "are therefore no classes")."
            )
        }
        if !report.withoutClass.isEmpty {
            report.warnings.append(
                "Of \(path.visible) \(report.withoutClass.few()) belong\(report.withoutClass.count == 1 ? "s" : "") "
                    + "to no class and \(report.withoutClass.count == 1 ? "is" : "are") left aside.")
        }
    }
}

/// Names, each once, with their numbers in the order in which they came.
struct NameTable: Sendable {
    private(set) var names: [String] = []
    private var numbers: [String: Int32] = [:]

    /// The number of a name, which gets one if it has none.
    mutating func number(of name: String) -> Int32 {
        if let number = numbers[name] { return number }
        let number = Int32(names.count)
        names.append(name)
        numbers[name] = number
        return number
    }
}
