import Foundation
import RenormArrays

extension PictureList {
    /// The pictures at a path: a folder with a folder for each class, perhaps within `train`, `val` (`valid`, `validation`) and
    /// `test`; a folder of plain tar archives; or one archive.
    ///
    /// Classes are in the order of their names' code points, as torchvision's `ImageFolder` has them. Folders below a class's
    /// belong to it. Hidden files are passed by, files that are no pictures too, and both are counted. A symbolic link is
    /// followed; a file that is reached twice counts once. Without `val` the validation part is held out of `train`, and
    /// without `train` all parts are made, by `options.split`.
    ///
    /// Pictures are in the order of part, class and path.
    ///
    /// - Parameter progress: called on this thread some ten times a second; what it throws ends the reading.
    /// - Throws: `ImagesError` for each way in which what is there can be wrong; what `progress` throws.
    public init(
        _ url: URL, options: PictureListOptions = PictureListOptions(),
        progress: (PictureListProgress) throws -> Void = { _ in }
    ) throws {
        switch try PathKind(url) {
        case .missing: throw ImagesError.missingFolder(path: url.path, isSomethingElse: false)
        case .file:
            guard
                url.lastPathComponent.lowercased().contains(".tar") || url.pathExtension.lowercased() == "tgz"
            else { throw ImagesError.missingFolder(path: url.path, isSomethingElse: true) }
            try self.init(archives: [url], options: options, progress: progress)
            return
        case .folder: break
        }
        let tree = try FolderWalk.tree(under: url, threads: options.threads) { try progress(.found($0)) }
        let archives = tree.archives(under: url)
        if !archives.isEmpty {
            try self.init(archives: archives, root: url, options: options, progress: progress)
            return
        }
        try progress(.found(tree.fileCount))
        var builder = PictureListBuilder(path: url.path, options: options)
        try builder.add(tree, pathOf: { tree.folders[$0].path })
        self = try builder.list(
            name: url.standardizedFileURL.lastPathComponent, root: url.path, progress: progress)
    }
}

extension FileTree {
    /// The archives of a folder that holds such, and no file that is called as pictures are.
    fileprivate func archives(under root: URL) -> [URL] {
        var found: [URL] = []
        for folder in folders {
            for file in 0..<folder.files.count {
                let name = folder.files[file]
                if suffix(of: name) == "tar" {
                    let path = fullPath(
                        root.path, folder.path + (folder.path.isEmpty ? [] : [UInt8(ascii: "/")]) + name)
                    found.append(URL(fileURLWithPath: String(decoding: path.dropLast(), as: UTF8.self)))
                } else if claimsToBePicture(name) {
                    return []
                }
            }
        }
        return found
    }
}

extension PictureListBuilder {
    /// Adds the files of a tree's folders, with the classes that these stand for.
    ///
    /// - Parameters:
    ///   - folderPart: the part of a folder's files, where something else than folders says it.
    ///   - pathOf: the path of a folder in the list.
    mutating func add(
        _ tree: FileTree, folderPart: (Int) -> Dataset.Part? = { _ in nil }, pathOf: (Int) -> [UInt8]
    ) throws {
        report.hidden += tree.hidden
        report.repeated += tree.repeatedFolders
        let layout = try FolderLayout(
            tree, path: path, isWhole: options.classNames == nil, folderPart: folderPart)
        report.withoutClass = layout.withoutClass
        sortsNumbers = false
        let order = tree.folders.indices.filter { layout.meanings[$0] != nil }.sorted { first, second in
            let (one, other) = (layout.meanings[first]!, layout.meanings[second]!)
            if one.part != other.part { return (one.part?.order ?? 0) < (other.part?.order ?? 0) }
            if one.className != other.className {
                return one.className.unicodeScalars.lexicographicallyPrecedes(other.className.unicodeScalars)
            }
            return pathOf(first).lexicographicallyPrecedes(pathOf(second))
        }
        guard !order.isEmpty else { throw withoutClasses(tree) }
        isParted = order.contains { layout.meanings[$0]!.part != nil }
        let count = order.reduce(0) { $0 + tree.folders[$1].files.count }
        columns.reserve(count, nameBytes: order.reduce(0) { $0 + tree.folders[$1].files.bytes.count })
        let hasLinks = tree.folders.contains { !$0.isLinked.isEmpty }
        for index in order {
            add(tree.folders[index], layout.meanings[index]!, path: pathOf(index), hasLinks)
        }
        if let level = options.sourceLevel, sources.names.allSatisfy(\.isEmpty) {
            throw ImagesError.noSources(path: path, level: level)
        }
    }

    private mutating func add(
        _ folder: FileTree.Folder, _ meaning: FolderLayout.Meaning, path: [UInt8], _ hasLinks: Bool
    ) {
        let number = Int32(columns.folders.count)
        columns.folders.append(path)
        let label = classes.number(of: meaning.className)
        if let first = meaning.below.first { below[meaning.className, default: []].insert(first) }
        let source = options.sourceLevel.map { level in
            sources.number(of: level <= meaning.below.count ? meaning.below[level - 1] : "")
        }
        for file in 0..<folder.files.count {
            columns.append(
                name: folder.files[file], folder: number, label: label, part: meaning.part ?? .training)
            if let source { columns.source.append(source) }
            if !folder.places.isEmpty {
                columns.archive.append(folder.places[file].archive)
                columns.offset.append(folder.places[file].offset)
                columns.size[columns.count - 1] = folder.places[file].size
            }
        }
        if hasLinks {
            isLinked +=
                folder.isLinked.isEmpty
                ? [Bool](repeating: false, count: folder.files.count) : folder.isLinked
        }
    }

    /// What is wrong with a tree in which no folder is a class's.
    private mutating func withoutClasses(_ tree: FileTree) -> ImagesError {
        var hasPictures = false
        for folder in tree.folders {
            for file in 0..<folder.files.count {
                if claimsToBePicture(folder.files[file]) {
                    hasPictures = true
                } else {
                    report.others[suffix(of: folder.files[file]), default: 0] += 1
                }
            }
        }
        return hasPictures
            ? .picturesWithoutClasses(path: path, folders: [])
            : .noPictures(path: path, others: report.others, hidden: report.hidden)
    }
}
