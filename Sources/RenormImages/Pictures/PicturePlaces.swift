import RenormArrays

/// An archive that pictures are in.
struct PictureArchive: Sendable {
    private let path: String
    private let size: Int
    private let modified: Int
    /// `nil` where there are too many archives to keep them all open.
    private let kept: OpenFile?

    /// As many archives are kept open.
    static let mostOpen = 64

    init(_ file: OpenFile, isKept: Bool) {
        (path, size, modified) = (file.path, file.size, file.modified)
        kept = isKept ? file : nil
    }

    /// The file, open.
    ///
    /// - Throws: `ImagesError.changedPicture` if it is another than when it was indexed, and what opening throws.
    func open() throws -> OpenFile {
        if let kept { return kept }
        let file = try OpenFile(fullPath(path, []))
        guard file.size == size, file.modified == modified else {
            throw ImagesError.changedPicture(path: path, found: file.size, expected: size)
        }
        return file
    }
}

/// Where the bytes of pictures are: files of their own, or ranges of archives.
struct PicturePlaces: Sendable {
    /// The folder that paths are relative to.
    let root: String
    let archives: [PictureArchive]

    /// The bytes of a picture's file.
    struct Bytes {
        let file: OpenFile
        /// Where they begin in it.
        let offset: Int
        let count: Int
        /// What messages call them.
        let path: String

        /// Fills memory from a place in them on.
        ///
        /// - Throws: `ImagesError.truncated` if they end before; what reading throws.
        func read(at place: Int, into memory: UnsafeMutableRawBufferPointer) throws {
            let found = try file.read(at: offset + place, into: memory)
            guard found == memory.count else {
                throw ImagesError.truncated(path: path, found: place + found, expected: place + memory.count)
            }
        }
    }

    /// Opens a picture's file.
    ///
    /// - Throws: `ImagesError.missingFile`, `.unreadable`, `.changedPicture`.
    func open(_ picture: Int, of columns: PictureColumns) throws -> Bytes {
        let path = columns.path(of: picture)
        guard columns.archive.isEmpty else {
            let file = try archives[Int(columns.archive[picture])].open()
            let text = String(decoding: fullPath(root, path).dropLast(), as: UTF8.self)
            return Bytes(
                file: file, offset: columns.offset[picture], count: columns.size[picture], path: text)
        }
        let file = try OpenFile(fullPath(root, path))
        return Bytes(file: file, offset: 0, count: file.size, path: file.path)
    }
}
