/// What is known of each of many pictures, a column for each thing: some 70 bytes a picture with its name.
struct PictureColumns: Sendable {
    /// The folders that pictures are in, each path once: relative to the list's root, or from `/`; empty for the root itself.
    var folders = PackedBytes()
    /// The last part of each path.
    var names = PackedBytes()
    /// The folder of each picture, as a place in `folders`.
    var folder: [Int32] = []
    /// Bytes of each file.
    var size: [Int] = []
    /// When each file was changed last, in nanoseconds since 1970; 0 for those in archives.
    var modified: [Int] = []
    /// The sides of each picture as it is seen.
    var height: [Int32] = []
    var width: [Int32] = []
    /// What else headers say.
    var traits: [PictureTraits] = []
    /// The class; -1 while it is not known.
    var label: [Int32] = []
    var part: [Dataset.Part] = []
    /// The source, as a place in the list's names; empty where there are none.
    var source: [Int32] = []
    /// The archive, as a place in the list's archives, and where in it the file begins; empty where all are files.
    var archive: [Int32] = []
    var offset: [Int] = []

    var count: Int { names.count }

    /// Makes room for so many pictures, and no more.
    mutating func reserve(_ count: Int, nameBytes: Int) {
        names.reserve(count: count, bytes: nameBytes)
        folder.reserveCapacity(count)
        size.reserveCapacity(count)
        modified.reserveCapacity(count)
        height.reserveCapacity(count)
        width.reserveCapacity(count)
        traits.reserveCapacity(count)
        label.reserveCapacity(count)
        part.reserveCapacity(count)
    }

    /// Adds a picture of which no more is known.
    mutating func append(
        name: some Collection<UInt8>, folder: Int32, size: Int = 0, label: Int32 = -1,
        part: Dataset.Part = .training
    ) {
        names.append(name)
        self.folder.append(folder)
        self.size.append(size)
        self.label.append(label)
        self.part.append(part)
        modified.append(0)
        height.append(0)
        width.append(0)
        traits.append(PictureTraits())
    }

    /// The path as it is in the list: relative to the root, or from `/`.
    func path(of picture: Int) -> [UInt8] {
        let folder = folders[Int(folder[picture])]
        let name = names[picture]
        var path: [UInt8] = []
        path.reserveCapacity(folder.count + 1 + name.count)
        path += folder
        if !folder.isEmpty, folder.last != UInt8(ascii: "/") { path.append(UInt8(ascii: "/")) }
        path += name
        return path
    }

    /// Keeps the pictures at these rising indices, in place.
    mutating func keep(_ kept: [Int]) {
        guard kept.count < count else { return }
        names.keep(kept)
        folder.keep(kept)
        size.keep(kept)
        modified.keep(kept)
        height.keep(kept)
        width.keep(kept)
        traits.keep(kept)
        label.keep(kept)
        part.keep(kept)
        source.keep(kept)
        archive.keep(kept)
        offset.keep(kept)
    }
}

/// What a header says besides the sides, in a byte.
struct PictureTraits: Hashable, Sendable {
    private var bits: UInt8 = 0

    init() {}

    init(_ header: PictureHeader) {
        let format = PictureFormat.allCases.firstIndex(of: header.format)!
        bits = UInt8(format) | (header.isColour ? 1 << 3 : 0) | UInt8(header.orientation - 1) << 4
    }

    var isColour: Bool { bits & 1 << 3 != 0 }

    /// The header of a picture with these sides.
    func header(height: Int32, width: Int32) -> PictureHeader {
        PictureHeader(
            format: PictureFormat.allCases[Int(bits & 7)], height: Int(height), width: Int(width),
            isColour: isColour, orientation: Int(bits >> 4) + 1)
    }
}
