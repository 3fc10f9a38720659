import Foundation
import RenormArrays

/// Looks into every file of a list: the first kilobytes say whether it is a picture, and how large. Several threads read.
struct HeaderPass {
    /// The indices of the pictures, rising.
    private(set) var pictures: [Int] = []
    /// Files that neither are pictures nor claim to be, by suffix.
    private(set) var others: [String: Int] = [:]
    /// What cannot be read, by index.
    private(set) var broken: [(index: Int, path: String, message: String)] = []
    private(set) var brokenCount = 0
    /// What tells files apart whatever their names are; by picture of the list.
    private(set) var identities: [FileIdentity] = []
    /// Whether some file has several names.
    private(set) var hasOtherNames = false

    /// What is found in a file.
    private enum Outcome: Sendable {
        case picture(
            size: Int, modified: Int, header: PictureHeader, identity: FileIdentity, hasOtherNames: Bool)
        case other(suffix: String)
        case broken(path: String, message: String)
    }

    /// Files are given to threads in ranges of so many.
    private static let chunk = 256

    /// Reads the headers of all pictures of the columns, and fills in what they say.
    ///
    /// - Parameters:
    ///   - lines: the line of a table that each is from, for messages; empty where there is none.
    ///   - poll: called now and then with the number of files read; what it throws ends the pass.
    init(
        _ columns: inout PictureColumns, in places: PicturePlaces, lines: [Int32] = [],
        options: PictureListOptions, poll: (Int) throws -> Void
    ) throws {
        let count = columns.count
        let chunks = stride(from: 0, to: count, by: HeaderPass.chunk).map {
            $0..<min($0 + HeaderPass.chunk, count)
        }
        identities = [FileIdentity](repeating: FileIdentity(device: 0, number: 0), count: count)
        var isPicture = [Bool](repeating: false, count: count)
        var done = 0
        // The columns are written while they are read: threads get what does not change.
        let fixed = columns
        try ParallelWork<Range<Int>, (Range<Int>, [Outcome])>.run(
            chunks, threads: options.threads, named: "renorm.headers", poll: { try poll(done) },
            take: { chunk, outcomes in
                for (index, outcome) in zip(chunk, outcomes) {
                    switch outcome {
                    case .picture(let size, let modified, let header, let identity, let hasOtherNames):
                        isPicture[index] = true
                        columns.size[index] = size
                        columns.modified[index] = modified
                        columns.height[index] = Int32(header.height)
                        columns.width[index] = Int32(header.width)
                        columns.traits[index] = PictureTraits(header)
                        identities[index] = identity
                        self.hasOtherNames = self.hasOtherNames || hasOtherNames
                    case .other(let suffix): others[suffix, default: 0] += 1
                    case .broken(let path, let message): addBroken(index, path, message)
                    }
                }
                done += chunk.count
                return []
            },
            body: { chunk in
                let reader = HeaderReader(options: options)
                return (
                    chunk,
                    chunk.map {
                        reader.outcome(of: $0, fixed, in: places, line: lines.isEmpty ? nil : lines[$0])
                    }
                )
            })
        broken.sort { $0.index < $1.index }
        pictures = isPicture.indices.filter { isPicture[$0] }
    }

    /// Keeps the first ones, whatever comes first.
    private mutating func addBroken(_ index: Int, _ path: String, _ message: String) {
        brokenCount += 1
        broken.append((index, path, message))
        if broken.count > 2 * PictureProblems.kept {
            broken.sort { $0.index < $1.index }
            broken.removeLast(broken.count - PictureProblems.kept)
        }
    }

    /// What one thread needs.
    private struct HeaderReader {
        let options: PictureListOptions
        private let start = GrowingMemory<UInt8>()
        private let whole = GrowingMemory<UInt8>()
        private let workspace = ImageWorkspace()

        /// Enough for the headers of most files, and one page.
        private static let startSize = 4096

        init(options: PictureListOptions) { self.options = options }

        func outcome(
            of picture: Int, _ columns: PictureColumns, in places: PicturePlaces, line: Int32?
        ) -> Outcome {
            do {
                return try read(picture, columns, in: places)
            } catch {
                let path = String(decoding: columns.path(of: picture), as: UTF8.self)
                let place = line.map { "line \($0): " } ?? ""
                return .broken(path: path, message: place + "\(error)")
            }
        }

        private func read(
            _ picture: Int, _ columns: PictureColumns, in places: PicturePlaces
        ) throws -> Outcome {
            let bytes = try places.open(picture, of: columns)
            let start = UnsafeMutableRawBufferPointer(
                start.memory(of: min(bytes.count, HeaderReader.startSize)))
            try bytes.read(at: 0, into: start)
            if PictureFormat(start.prefix(PictureFormat.markLength)) == nil {
                let suffix = suffix(of: columns.names[picture])
                if !pictureSuffixes.contains(suffix) { return .other(suffix: suffix) }
            }
            let header = try PictureHeader(
                length: bytes.count, path: bytes.path, maxPixels: options.decoding.maxPixels
            ) { place, memory in
                if place + memory.count <= start.count {
                    memory.copyMemory(
                        from: UnsafeRawBufferPointer(rebasing: start[place..<place + memory.count]))
                } else {
                    try bytes.read(at: place, into: memory)
                }
            }
            if options.decodesAll { try decode(bytes, header) }
            let isFile = columns.archive.isEmpty
            return .picture(
                size: bytes.count, modified: isFile ? bytes.file.modified : 0, header: header,
                identity: bytes.file.identity, hasOtherNames: isFile && bytes.file.hasOtherNames)
        }

        /// Decodes all of a picture, for the errors alone.
        private func decode(_ bytes: PicturePlaces.Bytes, _ header: PictureHeader) throws {
            let memory = UnsafeMutableRawBufferPointer(whole.memory(of: bytes.count))
            try bytes.read(at: 0, into: memory)
            let size = header.size(channels: options.decoding.channels)
            let placement = Placement(whole: size, height: size.height, width: size.width)
            try PictureDecoder.withPixels(
                of: UnsafeRawBufferPointer(memory), header, options.decoding, reduction: 1, for: placement,
                path: bytes.path, in: workspace
            ) { _ in }
        }
    }
}

/// What names of pictures end with, those that are not read included: a file called so that is none is broken, or foreign.
let pictureSuffixes: Set<String> = [
    "jpg", "jpeg", "jpe", "jfif", "png", "webp", "gif", "bmp", "dib", "mpo", "tif", "tiff", "heic", "heif",
    "avif", "jxl", "jp2", "ppm", "pgm", "pbm", "pnm",
]

/// What follows the last point of a name, in small letters; empty where there is none.
func suffix(of name: some BidirectionalCollection<UInt8>) -> String {
    guard let point = name.lastIndex(of: UInt8(ascii: ".")), point > name.startIndex else { return "" }
    return String(decoding: name[name.index(after: point)...], as: UTF8.self).lowercased()
}

/// Whether a name says that its file is a picture.
func claimsToBePicture(_ name: some BidirectionalCollection<UInt8>) -> Bool {
    pictureSuffixes.contains(suffix(of: name))
}
