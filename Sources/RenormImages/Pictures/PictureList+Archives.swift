import Foundation
import RenormArrays

extension PictureList {
    /// The pictures of plain tar archives, read where they are.
    ///
    /// Archives as WebDataset has them hold KEY.jpg with KEY.cls, a number or a name; others hold a folder for each class, as
    /// a folder does, perhaps within others that hold all. An archive whose name has a word of a part in it
    /// (`train-000000.tar`) belongs to that part.
    ///
    /// - Parameter progress: called on this thread some ten times a second; what it throws ends the reading.
    /// - Throws: `ImagesError` for each way in which what is there can be wrong; what `progress` throws.
    public init(
        archives: [URL], options: PictureListOptions = PictureListOptions(),
        progress: (PictureListProgress) throws -> Void = { _ in }
    ) throws {
        precondition(!archives.isEmpty, "no archives")
        let folders = Set(archives.map { $0.standardizedFileURL.deletingLastPathComponent().path })
        // Archives of several folders are named in full.
        let root = URL(fileURLWithPath: folders.count == 1 ? folders.first! : "/")
        try self.init(archives: archives, root: root, options: options, progress: progress)
    }

    init(
        archives: [URL], root: URL, options: PictureListOptions,
        progress: (PictureListProgress) throws -> Void
    ) throws {
        let path = archives.count == 1 ? archives[0].path : root.path
        var builder = PictureListBuilder(path: path, options: options)
        var found = 0
        var indices: [TarIndex] = []
        for url in archives {
            let index = try TarIndex(url) { try progress(.found(found + $0)) }
            found += index.paths.count
            indices.append(index)
            try progress(.found(found))
        }
        builder.archives = indices.map {
            PictureArchive($0.file, isKept: indices.count <= PictureArchive.mostOpen)
        }
        builder.countsFilesOnce = false
        let names = archives.map { Array(pathBelow(root, of: $0).utf8) }
        if indices.contains(where: \.hasLabels) {
            try builder.add(indices, names: names)
        } else {
            let (tree, archiveOf, depth) = FileTree.of(indices)
            try builder.add(tree, folderPart: { Dataset.Part(wordOf: names[archiveOf[$0]]) }) { folder in
                // The tree's paths are without what all have in common.
                let own = depth + tree.folders[folder].path
                return names[archiveOf[folder]] + (own.isEmpty ? [] : [UInt8(ascii: "/")] + own)
            }
        }
        let name = archives.count == 1 ? archives[0].lastPathComponent : root.lastPathComponent
        self = try builder.list(name: name, root: root.path, progress: progress)
    }
}

/// The path of an archive below the root, or from `/`.
private func pathBelow(_ root: URL, of archive: URL) -> String {
    let (path, start) = (archive.standardizedFileURL.path, root.standardizedFileURL.path)
    let folder = start.hasSuffix("/") ? start : start + "/"
    return path.hasPrefix(folder) && folder != "/" ? String(path.dropFirst(folder.count)) : path
}

extension Dataset.Part {
    /// The part that a word of an archive's path names.
    init?(wordOf path: [UInt8]) {
        let words = path.split { !(UInt8(ascii: "a")...UInt8(ascii: "z")).contains($0 | 0x20) }
        let parts = words.compactMap { Dataset.Part(named: String(decoding: $0, as: UTF8.self)) }
        guard let last = parts.last else { return nil }
        self = last
    }
}

extension TarIndex {
    /// Whether there are labels beside the pictures, as WebDataset has them.
    fileprivate var hasLabels: Bool { (0..<paths.count).contains { suffix(of: paths[$0]) == "cls" } }
}

extension FileTree {
    /// The files of archives by their folders, without the folders that all of them are in; also the archive of each folder,
    /// and the path that was left out, with a `/` at its end.
    fileprivate static func of(_ indices: [TarIndex]) -> (FileTree, archiveOf: [Int], common: [UInt8]) {
        struct Member {
            var name: [UInt8]
            var place: ArchivePlace
        }
        struct Key: Hashable {
            var archive: Int
            var folder: [UInt8]
        }
        var tree = FileTree()
        var members: [Key: [Member]] = [:]
        for (archive, index) in indices.enumerated() {
            for entry in 0..<index.paths.count {
                var parts = index.paths[entry].split(separator: UInt8(ascii: "/"))
                parts.removeAll { $0.elementsEqual(".".utf8) }
                guard let name = parts.popLast() else { continue }
                if FileTree.isHidden(name) || parts.contains(where: { FileTree.isHidden($0) }) {
                    tree.hidden += 1
                    continue
                }
                let place = ArchivePlace(
                    archive: Int32(archive), offset: index.offsets[entry], size: index.sizes[entry])
                let key = Key(archive: archive, folder: Array(parts.joined(separator: [UInt8(ascii: "/")])))
                members[key, default: []].append(Member(name: Array(name), place: place))
            }
        }
        let keys = members.keys.sorted {
            $0.folder == $1.folder ? $0.archive < $1.archive : $0.folder.lexicographicallyPrecedes($1.folder)
        }
        let withPictures = keys.filter { members[$0]!.contains { claimsToBePicture($0.name) } }
        let common = commonFolders((withPictures.isEmpty ? keys : withPictures).map(\.folder))
        let taken = keys.filter { $0.folder.starts(with: common) }
        for key in taken {
            var folder = Folder(path: Array(key.folder.dropFirst(common.count)))
            // What was written twice counts as it was written last.
            let sorted = members[key]!.enumerated().sorted {
                $0.element.name == $1.element.name
                    ? $0.offset < $1.offset : $0.element.name.lexicographicallyPrecedes($1.element.name)
            }.map(\.element)
            for (place, member) in sorted.enumerated() {
                if place + 1 < sorted.count, sorted[place + 1].name == member.name {
                    tree.repeatedFolders += 1
                    continue
                }
                folder.files.append(member.name)
                folder.places.append(member.place)
            }
            tree.folders.append(folder)
        }
        return (tree, taken.map(\.archive), common)
    }

    /// The folders that hold all others, and are no parts: a path that ends with `/`, or nothing. Who unpacks an archive would go
    /// there to name its folder.
    private static func commonFolders(_ folders: [[UInt8]]) -> [UInt8] {
        let slash = UInt8(ascii: "/")
        var common: [UInt8] = []
        while let first = folders.first?.dropFirst(common.count).split(separator: slash).first {
            let next = common + first + [slash]
            guard folders.allSatisfy({ $0.starts(with: next) }),
                Dataset.Part(named: String(decoding: first, as: UTF8.self)) == nil
            else { break }
            common = next
        }
        return common
    }
}
