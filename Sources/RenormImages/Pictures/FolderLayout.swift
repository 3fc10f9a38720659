/// Which part, class and source each folder of a tree stands for.
///
/// The folders at the top are the parts, if one that is called as the training part is holds folders with files; else they are
/// the classes. Folders below a class's belong to it. A folder called `train` that holds files itself may well be a class of
/// vehicles.
struct FolderLayout {
    /// What a folder means.
    struct Meaning: Hashable {
        /// Which of the parts; `nil`: nothing parts the files.
        var part: Dataset.Part?
        var className: String
        /// The names of the folders between the class's and this one, and this one's.
        var below: [String]
    }

    /// The meaning of each folder of the tree; `nil` for one of no class.
    private(set) var meanings: [Meaning?] = []
    /// The folders of the parts, where there are any.
    private(set) var partFolders: [Dataset.Part: String] = [:]
    /// The first names of folders of classes, per part, whether they hold a file or not.
    private(set) var withoutClass: [String] = []

    /// Reads a tree.
    ///
    /// - Parameters:
    ///   - path: what messages call the root.
    ///   - folderPart: the part of all files of a folder, where something else than folders says it (an archive's name).
    ///   - isWhole: whether the training part must be there.
    init(
        _ tree: FileTree, path: String, isWhole: Bool, folderPart: (Int) -> Dataset.Part? = { _ in nil }
    ) throws {
        let parts = tree.folders.map(\.parts)
        try findParts(parts, tree, path: path, isWhole: isWhole)
        let names = Dictionary(uniqueKeysWithValues: partFolders.map { ($1, $0) })
        var strays: Set<String> = []
        for (index, parts) in parts.enumerated() {
            var names =
                partFolders.isEmpty ? parts[...] : names[parts.first ?? ""] == nil ? [] : parts.dropFirst()
            let part = partFolders.isEmpty ? folderPart(index) : names.isEmpty ? nil : namedPart(parts)
            guard let className = names.popFirst() else {
                let files = tree.folders[index].files
                if let stray = (0..<files.count).first(where: { claimsToBePicture(files[$0]) }) {
                    strays.insert(
                        parts.isEmpty ? String(decoding: files[stray], as: UTF8.self) : parts[0] + "/")
                }
                meanings.append(nil)
                continue
            }
            meanings.append(Meaning(part: part, className: className, below: Array(names)))
        }
        withoutClass = strays.sorted()
    }

    private func namedPart(_ parts: [String]) -> Dataset.Part? {
        partFolders.first { $0.value == parts.first }?.key
    }

    private mutating func findParts(
        _ folders: [[String]], _ tree: FileTree, path: String, isWhole: Bool
    ) throws {
        // Names at the top, and whether there are files in folders below each.
        var tops: [String: Bool] = [:]
        for (index, parts) in folders.enumerated() where !parts.isEmpty {
            let isDeep = parts.count > 1 && tree.folders[index].files.count > 0
            tops[parts[0]] = tops[parts[0]] ?? false || isDeep
        }
        var found: [Dataset.Part: [String]] = [:]
        for (name, isDeep) in tops where isDeep {
            if let part = Dataset.Part(named: name) { found[part, default: []].append(name) }
        }
        let called = tops.keys.filter { Dataset.Part(named: $0) != nil }
        guard !found.isEmpty else {
            // Folders of parts without folders of classes in them.
            if !tops.isEmpty, called.count == tops.count {
                throw ImagesError.picturesWithoutClasses(path: path, folders: called.sorted())
            }
            return
        }
        for names in found.values where names.count > 1 {
            throw ImagesError.unclearParts(path: path, folders: names.sorted())
        }
        if found[.training] == nil, isWhole || called.count < tops.count {
            throw ImagesError.unclearParts(path: path, folders: found.values.flatMap { $0 }.sorted())
        }
        partFolders = found.mapValues { $0[0] }
    }
}
