import Foundation

/// A file that is open for reading at any place, also by several threads at once.
package final class InputFile: Sendable {
    /// Where it is, for messages.
    package let path: String
    /// The bytes that it had when it was opened.
    package let size: Int
    private let descriptor: Int32

    /// Opens a file.
    ///
    /// - Throws: `FormatError.unreadable`, also for folders and whatever else is no ordinary file.
    package init(_ url: URL) throws {
        path = url.path
        // A pipe that nobody writes to would be waited for without end: it is opened at once, and refused.
        let descriptor = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK)
        guard descriptor >= 0 else {
            throw FormatError.unreadable(path: path, reason: String(cString: strerror(errno)))
        }
        var status = stat()
        guard fstat(descriptor, &status) == 0, status.st_mode & S_IFMT == S_IFREG else {
            close(descriptor)
            let isFolder = status.st_mode & S_IFMT == S_IFDIR
            throw FormatError.unreadable(
                path: path, reason: isFolder ? "it is a folder" : "it is no ordinary file")
        }
        size = Int(status.st_size)
        self.descriptor = descriptor
    }

    deinit { close(descriptor) }

    /// Fills memory with the bytes from `offset` on.
    ///
    /// - Throws: `FormatError.truncated` if the file has become shorter than what was asked for; `.unreadable`.
    package func read(into memory: UnsafeMutableRawBufferPointer, at offset: Int) throws {
        var done = 0
        while done < memory.count {
            let count = pread(
                descriptor, memory.baseAddress! + done, min(memory.count - done, 1 << 30),
                off_t(offset + done))
            if count < 0 {
                if errno == EINTR { continue }
                throw FormatError.unreadable(path: path, reason: String(cString: strerror(errno)))
            }
            // Whoever shortened the file after it was opened.
            if count == 0 {
                throw FormatError.truncated(
                    path: path, found: offset + done, expected: offset + memory.count)
            }
            done += count
        }
    }

    /// The bytes of a part that the file has.
    package func bytes(_ range: Range<Int>) throws -> [UInt8] {
        precondition(range.lowerBound >= 0 && range.upperBound <= size, "no part of the file")
        return try [UInt8](unsafeUninitializedCapacity: range.count) { memory, count in
            try read(into: UnsafeMutableRawBufferPointer(memory), at: range.lowerBound)
            count = range.count
        }
    }
}
