import Foundation

/// Finds all files under a folder: several threads read directories, which ask nothing of single files.
///
/// Symbolic links are followed after everything that is really there has been found, in the order of their paths; one to a
/// folder that is there already leads nowhere. So the result does not depend on which thread was faster, and loops end.
struct FolderWalk {
    private let root: String
    private let threads: Int
    private let poll: (Int) throws -> Void
    private var tree = FileTree()
    private var visited: Set<FileIdentity> = []
    private var links: [[UInt8]] = []
    private var found = 0

    /// Looks through a folder.
    ///
    /// - Parameter poll: called now and then with the number of files found; what it throws ends the walk.
    /// - Throws: `ImagesError.unreadable` for a folder that may not be read; what `poll` throws.
    static func tree(under root: URL, threads: Int, poll: (Int) throws -> Void) throws -> FileTree {
        try withoutActuallyEscaping(poll) { poll in
            var walk = FolderWalk(root: root.path, threads: threads, poll: poll)
            return try walk.run()
        }
    }

    private init(root: String, threads: Int, poll: @escaping (Int) throws -> Void) {
        (self.root, self.threads, self.poll) = (root, threads, poll)
    }

    private mutating func run() throws -> FileTree {
        try walk(from: [], isLinked: false)
        while !links.isEmpty {
            let next = links.sorted { $0.lexicographicallyPrecedes($1) }
            links = []
            for link in next { try follow(link) }
        }
        tree.folders.sort { $0.path.lexicographicallyPrecedes($1.path) }
        return tree
    }

    /// Adds what a link leads to.
    private mutating func follow(_ link: [UInt8]) throws {
        let path = fullPath(root, link)
        guard let status = FileStatus(path) else {
            throw ImagesError.unreadable(path: text(path), reason: String(cString: strerror(errno)))
        }
        if visited.contains(status.identity) {
            tree.repeatedFolders += 1
        } else {
            try walk(from: link, isLinked: true)
        }
    }

    private mutating func walk(from start: [UInt8], isLinked: Bool) throws {
        let root = root
        try ParallelWork<[UInt8], FolderListing>.run(
            [start], threads: threads, named: "renorm.folders", poll: { try poll(found) },
            take: { listing in
                guard visited.insert(listing.identity).inserted else {
                    tree.repeatedFolders += 1
                    return []
                }
                tree.hidden += listing.hidden
                links += listing.links
                found += listing.files.count
                var folder = FileTree.Folder(path: listing.path, files: listing.files)
                folder.isLinked =
                    isLinked ? [Bool](repeating: true, count: listing.files.count) : listing.isLinked
                tree.folders.append(folder)
                return listing.folders
            },
            body: { try FolderListing(of: $0, under: root) })
    }
}

/// What a directory holds.
private struct FolderListing: Sendable {
    let path: [UInt8]
    let identity: FileIdentity
    var files = PackedBytes()
    /// Whether each file is a link to one; empty: none is.
    var isLinked: [Bool] = []
    var folders: [[UInt8]] = []
    /// Links to folders.
    var links: [[UInt8]] = []
    var hidden = 0

    init(of path: [UInt8], under root: String) throws {
        self.path = path
        let full = fullPath(root, path)
        let stream = full.withUnsafeBufferPointer {
            opendir(UnsafeRawPointer($0.baseAddress!).assumingMemoryBound(to: CChar.self))
        }
        guard let stream, let status = FileStatus(full) else {
            let reason = String(cString: strerror(errno))
            throw ImagesError.unreadable(path: text(full), reason: reason)
        }
        defer { closedir(stream) }
        identity = status.identity
        var unsorted = PackedBytes()
        var linked: Set<Int> = []
        errno = 0
        while let entry = readdir(stream) {
            let name = name(of: entry)
            if name.elementsEqual(".".utf8) || name.elementsEqual("..".utf8) { continue }
            if FileTree.isHidden(name) {
                hidden += 1
                continue
            }
            switch kind(of: entry, name, under: root) {
            case .folder: folders.append(below(name))
            case .linkedFolder: links.append(below(name))
            case .file: unsorted.append(name)
            case .linkedFile:
                linked.insert(unsorted.count)
                unsorted.append(name)
            case .other: break
            }
            errno = 0
        }
        if errno != 0 {
            throw ImagesError.unreadable(path: text(full), reason: String(cString: strerror(errno)))
        }
        files.reserve(count: unsorted.count, bytes: unsorted.bytes.count)
        let order = unsorted.sortedIndices()
        for index in order { files.append(unsorted[index]) }
        if !linked.isEmpty { isLinked = order.map(linked.contains) }
    }

    private enum Kind {
        case file, folder, linkedFile, linkedFolder, other
    }

    /// What an entry is; only links, and entries of file systems that do not say what they are, are looked at themselves.
    private func kind(
        of entry: UnsafeMutablePointer<dirent>, _ name: UnsafeBufferPointer<UInt8>, under root: String
    ) -> Kind {
        switch Int32(entry.pointee.d_type) {
        case Int32(DT_REG): return .file
        case Int32(DT_DIR): return .folder
        case Int32(DT_LNK), Int32(DT_UNKNOWN): break
        default: return .other
        }
        let path = fullPath(root, below(name))
        guard let own = FileStatus(path, followsLinks: false) else { return .other }
        guard own.isLink else { return own.isFile ? .file : own.isFolder ? .folder : .other }
        // One that leads nowhere is kept as a file, so that it is named when it is read.
        guard let target = FileStatus(path) else { return .linkedFile }
        return target.isFile ? .linkedFile : target.isFolder ? .linkedFolder : .other
    }

    private func below(_ name: UnsafeBufferPointer<UInt8>) -> [UInt8] {
        path.isEmpty ? Array(name) : path + [UInt8(ascii: "/")] + name
    }
}

/// The name in a directory's entry, valid until the next is read.
private func name(of entry: UnsafeMutablePointer<dirent>) -> UnsafeBufferPointer<UInt8> {
    let start = UnsafeRawPointer(entry) + MemoryLayout<dirent>.offset(of: \.d_name)!
    let length = strlen(start.assumingMemoryBound(to: CChar.self))
    return UnsafeBufferPointer(start: start.assumingMemoryBound(to: UInt8.self), count: length)
}

private func text(_ path: [UInt8]) -> String { String(decoding: path.dropLast(), as: UTF8.self) }
