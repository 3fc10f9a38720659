import Foundation
import RenormArrays
import RenormFormats

/// The files of a tar archive with their places, read from its headers or, the second time, from a small file beside it.
///
/// The file, `.NAME.renorm-index`, is believed if it is whole (a checksum) and of an archive of this size and time of change.
/// It is kept for archives from 16 MiB on; where it cannot be written the headers are read each time.
package struct TarIndex: Sendable {
    let file: OpenFile
    /// Paths as they are in the archive.
    private(set) var paths = PackedBytes()
    private(set) var offsets: [Int] = []
    private(set) var sizes: [Int] = []
    /// Links and devices in it.
    private(set) var passedBy = 0
    /// Path, offset and size of each file.
    package var entries: [(path: String, offset: Int, size: Int)] {
        (0..<paths.count).map { (paths.text(of: $0), offsets[$0], sizes[$0]) }
    }

    /// Whether the headers did not have to be read.
    package private(set) var wasKept = false

    /// From this size on archives get a file beside them.
    package static let leastSize = 16 << 20

    /// Reads one.
    ///
    /// - Parameter poll: called now and then with the number of files found; what it throws ends the reading.
    /// - Throws: `ImagesError`, of the archive alone.
    package init(
        _ url: URL, keptFrom leastSize: Int = TarIndex.leastSize, poll: (Int) throws -> Void = { _ in }
    )
        throws
    {
        file = try OpenFile(fullPath(url.path, []))
        let beside = url.deletingLastPathComponent().appendingPathComponent(
            ".\(url.lastPathComponent).renorm-index")
        if file.size >= leastSize, read(beside) {
            wasKept = true
            return
        }
        var reader = TarReader(file)
        while let entry = try reader.next() {
            paths.append(entry.path)
            offsets.append(entry.offset)
            sizes.append(entry.size)
            if paths.count % 1024 == 0 { try poll(paths.count) }
        }
        passedBy = reader.passedBy
        guard file.size >= leastSize else { return }
        // Whoever may not write there reads the headers again.
        try? AtomicFile.write(bytes, to: beside)
    }

    private static let mark = Array("renorm's index of a tar archive 1\n".utf8)

    /// Mark, size, time, number of entries, bytes of paths, entries passed by; for each entry offset, size and length of its
    /// path; the paths; the fingerprint of all that.
    private var bytes: [UInt8] {
        var result = TarIndex.mark
        func add(_ number: Int) { withUnsafeBytes(of: Int64(number).littleEndian) { result += $0 } }
        for number in [file.size, file.modified, paths.count, paths.bytes.count, passedBy] { add(number) }
        for entry in 0..<paths.count {
            add(offsets[entry])
            add(sizes[entry])
            add(paths.range(of: entry).count)
        }
        result += paths.bytes
        add(TarIndex.fingerprint(result[...]))
        return result
    }

    private static func fingerprint(_ bytes: ArraySlice<UInt8>) -> Int {
        var fingerprint = Fingerprint()
        bytes.withUnsafeBytes { fingerprint.add($0) }
        return Int(truncatingIfNeeded: fingerprint.value)
    }

    /// Reads what was kept, and says whether it is of this archive and whole; nothing is taken from it otherwise.
    private mutating func read(_ url: URL) -> Bool {
        guard let kept = try? OpenFile(fullPath(url.path, [])), kept.size < 1 << 32 else { return false }
        let start = TarIndex.mark.count
        let headerSize = start + 5 * 8
        guard kept.size >= headerSize + 8 else { return false }
        var bytes = [UInt8](repeating: 0, count: kept.size)
        guard (try? bytes.withUnsafeMutableBytes { try kept.read(at: 0, into: $0) }) == bytes.count,
            bytes.starts(with: TarIndex.mark)
        else { return false }
        func number(at place: Int) -> Int {
            bytes.withUnsafeBytes {
                Int(Int64(littleEndian: $0.loadUnaligned(fromByteOffset: place, as: Int64.self)))
            }
        }
        let header = (0..<5).map { number(at: start + 8 * $0) }
        let (count, pathBytes) = (header[2], header[3])
        guard header[0] == file.size, header[1] == file.modified, count >= 0, pathBytes >= 0, header[4] >= 0,
            count <= bytes.count / 24, pathBytes <= bytes.count,
            headerSize + 24 * count + pathBytes + 8 == bytes.count,
            number(at: bytes.count - 8) == TarIndex.fingerprint(bytes.dropLast(8))
        else { return false }
        var paths = PackedBytes()
        var place = headerSize + 24 * count
        paths.reserve(count: count, bytes: pathBytes)
        var (offsets, sizes) = ([Int](), [Int]())
        for entry in 0..<count {
            let (offset, size, length) = (
                number(at: headerSize + 24 * entry), number(at: headerSize + 24 * entry + 8),
                number(at: headerSize + 24 * entry + 16)
            )
            guard offset >= 0, offset <= file.size, size >= 0, size <= file.size - offset, length >= 0,
                length <= bytes.count - 8 - place
            else { return false }
            offsets.append(offset)
            sizes.append(size)
            paths.append(bytes[place..<place + length])
            place += length
        }
        (self.paths, self.offsets, self.sizes, passedBy) = (paths, offsets, sizes, header[4])
        return true
    }
}
