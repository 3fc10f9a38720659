import Foundation

/// Files that are always whole: either what was there before or all of what is written, even if the program is killed or the
/// machine stops in between.
///
/// The content goes to a hidden file beside the target, which is synced and renamed over it, and then the folder is
/// synced. What a killed program leaves behind is overwritten by the next one.
///
/// Nothing is ever written through a symbolic link, so what is written under a folder stays in it: a whole file takes the
/// link's place, and a line is not added where there is a link.
public enum AtomicFile {
    /// Replaces a file by a text in UTF-8.
    ///
    /// - Throws: `FormatError.unwritable` or `.busy`; the file is then what it was before.
    public static func write(_ text: String, to url: URL) throws {
        try write(Array(text.utf8), to: url)
    }

    /// Replaces a file by bytes.
    ///
    /// - Throws: `FormatError.unwritable` or `.busy`; the file is then what it was before.
    public static func write(_ bytes: [UInt8], to url: URL) throws {
        try write(to: url, byteCount: bytes.count) { writer in
            try bytes.withUnsafeBytes { try writer.write($0) }
        }
    }

    /// Replaces a file by what `body` writes, piece by piece.
    ///
    /// - Parameter byteCount: the size of the whole, for the message if there is no room for it.
    /// - Throws: `FormatError.unwritable` or `.busy`, or what `body` throws; the file is then what it was before.
    public static func write(
        to url: URL, byteCount: Int, _ body: (borrowing Writer) throws -> Void
    ) throws {
        let folder = url.deletingLastPathComponent()
        let partial = folder.appendingPathComponent(".\(url.lastPathComponent)\(unfinishedSuffix)").path
        do {
            let descriptor = try openAlone(partial, target: url.path)
            defer { close(descriptor) }
            do {
                try check(ftruncate(descriptor, 0))
                try body(Writer(descriptor: descriptor))
                try sync(descriptor)
                try check(rename(partial, url.path))
            } catch {
                unlink(partial)
                throw error
            }
        } catch let error as SystemError {
            throw FormatError.unwritable(path: url.path, byteCount: byteCount, reason: error.reason)
        }
        do {
            try syncFolder(folder.path)
        } catch let error as SystemError {
            throw FormatError.notSynced(path: url.path, reason: error.reason)
        }
    }

    /// Adds bytes to the end of a file, which is made if it is missing, and syncs them. A program that is killed may leave a
    /// part of them; an error leaves none. One process at a time may do so.
    ///
    /// - Throws: `FormatError.unwritable`, or `.notOwnFile` where there is a link, a folder or a device.
    public static func append(_ bytes: [UInt8], to url: URL) throws {
        _ = try isOwnFile(url)
        do {
            // Neither a link nor a pipe that came there since is written to or waited for.
            let descriptor = open(
                url.path, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK, 0o666)
            guard descriptor >= 0 else { throw SystemError(code: errno) }
            defer { close(descriptor) }
            var before = stat()
            try check(fstat(descriptor, &before))
            do {
                try bytes.withUnsafeBytes { try Writer(descriptor: descriptor).write($0) }
                try sync(descriptor)
            } catch {
                ftruncate(descriptor, before.st_size)
                throw error
            }
        } catch let error as SystemError {
            throw FormatError.unwritable(path: url.path, byteCount: bytes.count, reason: error.reason)
        }
    }

    /// Whether a file is there; a link to one is not one.
    ///
    /// - Throws: `FormatError.notOwnFile` where there is a link, a folder or a device.
    public static func isOwnFile(_ url: URL) throws -> Bool {
        var status = stat()
        guard lstat(url.path, &status) == 0 else { return false }
        switch status.st_mode & S_IFMT {
        case S_IFREG: return true
        case S_IFLNK: throw FormatError.notOwnFile(path: url.path, found: "a symbolic link")
        case S_IFDIR: throw FormatError.notOwnFile(path: url.path, found: "a folder")
        default: throw FormatError.notOwnFile(path: url.path, found: "a pipe or a device")
        }
    }

    /// Whether a file of this name is what a killed program had begun to write.
    public static func isUnfinished(_ name: String) -> Bool {
        name.hasPrefix(".") && name.hasSuffix(unfinishedSuffix)
    }

    private static let unfinishedSuffix = ".partial"

    /// Where `write(to:byteCount:_:)` puts its content.
    public struct Writer: ~Copyable {
        package let descriptor: Int32

        /// Appends bytes.
        public func write(_ bytes: UnsafeRawBufferPointer) throws {
            var done = 0
            while done < bytes.count {
                #if canImport(Darwin)
                    let count = Darwin.write(
                        descriptor, bytes.baseAddress! + done, min(bytes.count - done, 1 << 30))
                #else
                    let count = Glibc.write(
                        descriptor, bytes.baseAddress! + done, min(bytes.count - done, 1 << 30))
                #endif
                if count < 0 {
                    if errno == EINTR { continue }
                    throw SystemError(code: errno)
                }
                done += count
            }
        }
    }

    private struct SystemError: Error {
        var code: Int32
        var reason: String { String(cString: strerror(code)) }
    }

    private static func check(_ result: Int32) throws {
        if result != 0 { throw SystemError(code: errno) }
    }

    /// Opens the hidden file so that nobody else writes to it: a lock, and then a look whether the file that is locked is
    /// still the one of that name (its last writer may have renamed it in between).
    private static func openAlone(_ partial: String, target: String) throws -> Int32 {
        while true {
            let descriptor = open(partial, O_WRONLY | O_CREAT | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK, 0o666)
            guard descriptor >= 0 else { throw SystemError(code: errno) }
            if flock(descriptor, LOCK_EX | LOCK_NB) != 0 {
                let code = errno
                close(descriptor)
                if code == EWOULDBLOCK { throw FormatError.busy(path: target) }
                throw SystemError(code: code)
            }
            var mine = stat()
            var named = stat()
            if fstat(descriptor, &mine) == 0, stat(partial, &named) == 0, mine.st_ino == named.st_ino,
                mine.st_dev == named.st_dev
            {
                return descriptor
            }
            close(descriptor)
        }
    }

    private static func sync(_ descriptor: Int32) throws {
        #if canImport(Darwin)
            // Darwin's fsync stops at the drive's own cache.
            if fcntl(descriptor, F_FULLFSYNC) == 0 { return }
        #endif
        try check(fsync(descriptor))
    }

    private static func syncFolder(_ path: String) throws {
        let descriptor = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC)
        guard descriptor >= 0 else { throw SystemError(code: errno) }
        defer { close(descriptor) }
        // Some file systems have no such thing as syncing a folder, and say so by EINVAL.
        if fsync(descriptor) != 0, errno != EINVAL, errno != ENOTSUP { throw SystemError(code: errno) }
    }
}
