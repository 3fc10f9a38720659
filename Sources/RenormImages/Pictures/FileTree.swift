/// The files that are under a folder or in archives, by their folders, before anybody has looked into one.
struct FileTree: Sendable {
    /// A folder and the files that are in it itself.
    struct Folder: Sendable {
        /// The path below the root; empty for the root.
        var path: [UInt8]
        /// Names in the order of their bytes.
        var files = PackedBytes()
        /// Whether each was reached through a symbolic link; empty: none was.
        var isLinked: [Bool] = []
        /// Where each is in its archive; empty: they are files of their own.
        var places: [ArchivePlace] = []

        /// The names of the folders on the way to it.
        var parts: [String] {
            path.split(separator: UInt8(ascii: "/")).map { String(decoding: $0, as: UTF8.self) }
        }
    }

    /// Folders in the order of their paths' bytes.
    var folders: [Folder] = []
    /// How many hidden files and folders were passed by.
    var hidden = 0
    /// How many folders a link leads to that are there already.
    var repeatedFolders = 0

    var fileCount: Int { folders.reduce(0) { $0 + $1.files.count } }

    /// What is hidden: what the system hides, and what macOS adds to archives.
    static func isHidden(_ name: some Collection<UInt8>) -> Bool {
        name.first == UInt8(ascii: ".") || name.elementsEqual("__MACOSX".utf8)
    }
}

/// Where a file is inside an archive.
struct ArchivePlace: Hashable, Sendable {
    /// A place in the list's archives.
    var archive: Int32
    /// Where its bytes begin.
    var offset: Int
    /// How many there are.
    var size: Int
}
