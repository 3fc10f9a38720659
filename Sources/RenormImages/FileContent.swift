import CZlib
import Foundation

/// The content of a file, read once from its beginning to its end: as it lies there or, where it starts as gzip's files do,
/// unpacked and proved by gzip's checksums. What is no ordinary file (a pipe, a device) is read as it comes.
///
/// As gzip does, members that follow one another are one content, and zeros that fill up the end are no part of it.
/// Anything else after a member is damage.
///
/// Source: RFC 1952.
final class FileContent {
    let path: String
    /// The most bytes that the content can have; `nil` if the system knows no size of what is read.
    let largestSize: Int?
    private let isCompressed: Bool
    private let descriptor: Int32
    private let input = UnsafeMutableRawBufferPointer.allocate(byteCount: 1 << 18, alignment: 16)
    /// The part of `input` that is read and not yet used.
    private var unused = 0..<0
    private var peeked: [UInt8] = []
    private var unpacker: Unpacker?
    private var unpackedSize = 0

    /// Opens a file. A named pipe is waited for, as everywhere.
    ///
    /// - Throws: `ImagesError.missingFile`, `.unreadable`.
    init(_ url: URL) throws {
        path = url.path
        descriptor = try FileContent.open(url)
        var status = stat()
        let isKnown = fstat(descriptor, &status) == 0
        let isFolder = isKnown && status.st_mode & S_IFMT == S_IFDIR
        // Sizes of 0 are also those of files that a kernel makes up while they are read.
        let hasSize = isKnown && status.st_mode & S_IFMT == S_IFREG && status.st_size > 0
        var start = 0
        do {
            if isFolder { throw ImagesError.unreadable(path: path, reason: "it is a folder") }
            // A pipe may give one byte at a time.
            while start < FileContent.gzipMark.count {
                let count = try FileContent.read(
                    descriptor, into: UnsafeMutableRawBufferPointer(rebasing: input[start...]), path: path)
                if count == 0 { break }
                start += count
            }
            isCompressed = input[..<start].starts(with: FileContent.gzipMark)
            unpacker = isCompressed ? try Unpacker(path: path) : nil
        } catch {
            close(descriptor)
            input.deallocate()
            throw error
        }
        unused = 0..<start
        guard hasSize else {
            largestSize = nil
            return
        }
        let (size, overflow) = Int(status.st_size).multipliedReportingOverflow(
            by: isCompressed ? FileContent.largestRatio : 1)
        largestSize = overflow ? .max : size
    }

    deinit {
        close(descriptor)
        input.deallocate()
    }

    /// What deflate can make of one byte at most.
    static let largestRatio = 1032

    private static let gzipMark: [UInt8] = [0x1F, 0x8B]

    /// The next bytes, `count` or as many as there are, which are read again afterwards.
    func peek(_ count: Int) throws -> [UInt8] {
        peeked = try bytes(count)
        return peeked
    }

    /// The next bytes: fewer than `count` at the end of the content.
    func bytes(_ count: Int) throws -> [UInt8] {
        var result = [UInt8](repeating: 0, count: count)
        let found = try result.withUnsafeMutableBytes { try read(into: $0) }
        return Array(result.prefix(found))
    }

    /// The next bytes, for which memory is asked as they come: fewer than `count` at the end of the content.
    func growing(to count: Int) throws -> [UInt8] {
        var result: [UInt8] = []
        while result.count < count {
            let wanted = min(count - result.count, max(result.count, 1 << 18))
            let next = try bytes(wanted)
            result += next
            if next.count < wanted { break }
        }
        return result
    }

    /// Fills the memory as far as the content goes, and says how far.
    ///
    /// - Throws: `ImagesError.unreadable`, `.cutCompression`, `.damagedCompression`.
    func read(into memory: UnsafeMutableRawBufferPointer) throws -> Int {
        var done = min(peeked.count, memory.count)
        memory.copyBytes(from: peeked.prefix(done))
        peeked.removeFirst(done)
        while done < memory.count {
            let count = try readSome(into: UnsafeMutableRawBufferPointer(rebasing: memory[done...]))
            if count == 0 { break }
            done += count
        }
        return done
    }

    /// Reads what is left and says how many bytes it was.
    func skipToEnd() throws -> Int {
        var total = 0
        while true {
            let found = try bytes(1 << 16).count
            if found == 0 { return total }
            total += found
        }
    }

    private func readSome(into memory: UnsafeMutableRawBufferPointer) throws -> Int {
        if let unpacker { return try unpack(unpacker, into: memory) }
        if unused.isEmpty { return try FileContent.read(descriptor, into: memory, path: path) }
        let count = min(unused.count, memory.count)
        memory.copyMemory(from: UnsafeRawBufferPointer(rebasing: input[unused.prefix(count)]))
        unused.removeFirst(count)
        return count
    }

    /// At least one byte, or none at a clean end.
    private func unpack(_ unpacker: Unpacker, into memory: UnsafeMutableRawBufferPointer) throws -> Int {
        while true {
            if unpacker.isAtEnd {
                guard try findMember() else { return 0 }
                try unpacker.restart()
            }
            if try !refill() { throw ImagesError.cutCompression(path: path, found: unpackedSize) }
            let (used, written) = try unpacker.run(
                UnsafeRawBufferPointer(rebasing: input[unused]), into: memory)
            unused.removeFirst(used)
            unpackedSize += written
            if written > 0 { return written }
        }
    }

    /// Goes to the next member and says whether there is one.
    private func findMember() throws -> Bool {
        while try refill(), input[unused.lowerBound] == 0 { unused.removeFirst() }
        guard try refill() else { return false }
        if unused.count < FileContent.gzipMark.count {
            input[0] = input[unused.lowerBound]
            let count = try FileContent.read(
                descriptor, into: UnsafeMutableRawBufferPointer(rebasing: input[1...]), path: path)
            unused = 0..<1 + count
        }
        guard input[unused].starts(with: FileContent.gzipMark) else {
            throw ImagesError.damagedCompression(
                path: path, reason: "bytes that gzip did not write follow its compressed data")
        }
        return true
    }

    /// Sees that there is unused input, and says whether there is.
    private func refill() throws -> Bool {
        if unused.isEmpty { unused = 0..<(try FileContent.read(descriptor, into: input, path: path)) }
        return !unused.isEmpty
    }

    private static func open(_ url: URL) throws -> Int32 {
        while true {
            let descriptor = openFile(url.path, O_RDONLY | O_CLOEXEC)
            if descriptor >= 0 { return descriptor }
            if errno == EINTR { continue }
            if errno == ENOENT {
                var status = stat()
                guard lstat(url.path, &status) == 0 else {
                    throw ImagesError.missingFile(
                        folder: url.deletingLastPathComponent().path, candidates: [url.lastPathComponent])
                }
                throw ImagesError.unreadable(
                    path: url.path, reason: "it is a link to a file that is not there")
            }
            throw ImagesError.unreadable(path: url.path, reason: String(cString: strerror(errno)))
        }
    }

    private static func read(
        _ descriptor: Int32, into memory: UnsafeMutableRawBufferPointer, path: String
    ) throws -> Int {
        while true {
            let count = readFile(descriptor, memory.baseAddress, min(memory.count, 1 << 30))
            if count >= 0 { return count }
            if errno != EINTR {
                throw ImagesError.unreadable(path: path, reason: String(cString: strerror(errno)))
            }
        }
    }
}

// Inside the class these names are its own functions.
private func openFile(_ path: String, _ flags: Int32) -> Int32 { open(path, flags) }
private func readFile(_ descriptor: Int32, _ memory: UnsafeMutableRawPointer?, _ count: Int) -> Int {
    read(descriptor, memory, count)
}

/// zlib's state for one member of a gzip file. It stays where it is in memory, because zlib points back to it.
private final class Unpacker {
    private let path: String
    private let stream = UnsafeMutablePointer<z_stream>.allocate(capacity: 1)
    /// Whether a member has ended, with the right checksum and length.
    private(set) var isAtEnd = false

    init(path: String) throws {
        self.path = path
        stream.initialize(to: z_stream())
        // 15 is the largest window, 16 asks for gzip's header and trailer.
        let code = inflateInit2_(stream, 15 + 16, ZLIB_VERSION, Int32(MemoryLayout<z_stream>.size))
        if code != Z_OK {
            throw ImagesError.unreadable(path: path, reason: "there is no memory to unpack it")
        }
    }

    deinit {
        inflateEnd(stream)
        stream.deallocate()
    }

    func restart() throws {
        inflateReset(stream)
        isAtEnd = false
    }

    /// Unpacks as much as there is input or room for, and says how many bytes were used and written.
    func run(
        _ input: UnsafeRawBufferPointer, into memory: UnsafeMutableRawBufferPointer
    ) throws -> (used: Int, written: Int) {
        let room = min(memory.count, 1 << 30)
        // zlib does not write to its input, but its type does not say so.
        stream.pointee.next_in = UnsafeMutablePointer(
            mutating: input.baseAddress!.assumingMemoryBound(to: UInt8.self))
        stream.pointee.avail_in = UInt32(input.count)
        stream.pointee.next_out = memory.baseAddress!.assumingMemoryBound(to: UInt8.self)
        stream.pointee.avail_out = UInt32(room)
        let code = inflate(stream, Z_NO_FLUSH)
        switch code {
        case Z_OK, Z_BUF_ERROR: break
        case Z_STREAM_END: isAtEnd = true
        case Z_MEM_ERROR: throw ImagesError.unreadable(path: path, reason: "there is no memory to unpack it")
        default:
            let reason = stream.pointee.msg.map { String(cString: $0) } ?? "zlib's error \(code)"
            throw ImagesError.damagedCompression(path: path, reason: reason)
        }
        return (input.count - Int(stream.pointee.avail_in), room - Int(stream.pointee.avail_out))
    }
}
