import Foundation

/// A file open for reading at any place, by several threads at once.
final class OpenFile: Sendable {
    /// What messages call it.
    let path: String
    private let descriptor: Int32
    let size: Int
    let modified: Int
    let identity: FileIdentity
    let hasOtherNames: Bool

    /// Opens a path that ends with a 0.
    ///
    /// - Throws: `ImagesError.missingFile`, `.unreadable` also for what is no ordinary file.
    init(_ bytes: [UInt8]) throws {
        let path = String(decoding: bytes.dropLast(), as: UTF8.self)
        // A pipe in the place of a file must not be waited for.
        descriptor = try OpenFile.open(bytes, O_RDONLY | O_CLOEXEC | O_NONBLOCK, path: path)
        self.path = path
        guard let status = FileStatus(descriptor: descriptor), status.isFile else {
            close(descriptor)
            throw ImagesError.unreadable(path: path, reason: "it is no ordinary file")
        }
        size = status.size
        modified = status.modified
        identity = status.identity
        hasOtherNames = status.hasOtherNames
    }

    deinit { close(descriptor) }

    private static func open(_ bytes: [UInt8], _ flags: Int32, path: String) throws -> Int32 {
        while true {
            let descriptor = bytes.withUnsafeBufferPointer {
                openFile(UnsafeRawPointer($0.baseAddress!).assumingMemoryBound(to: CChar.self), flags)
            }
            if descriptor >= 0 { return descriptor }
            if errno == EINTR { continue }
            if errno == ENOENT {
                let url = URL(fileURLWithPath: path)
                throw ImagesError.missingFile(
                    folder: url.deletingLastPathComponent().path, candidates: [url.lastPathComponent])
            }
            throw ImagesError.unreadable(path: path, reason: String(cString: strerror(errno)))
        }
    }

    /// Fills the memory from a place on, as far as the file goes, and says how far.
    ///
    /// - Throws: `ImagesError.unreadable`.
    func read(at offset: Int, into memory: UnsafeMutableRawBufferPointer) throws -> Int {
        var done = 0
        while done < memory.count {
            let count = pread(
                descriptor, memory.baseAddress! + done, min(memory.count - done, 1 << 30),
                off_t(offset + done))
            if count == 0 { break }
            if count < 0 {
                if errno == EINTR { continue }
                throw ImagesError.unreadable(path: path, reason: String(cString: strerror(errno)))
            }
            done += count
        }
        return done
    }
}

// Inside the class this name is its own function.
private func openFile(_ path: UnsafePointer<CChar>, _ flags: Int32) -> Int32 { open(path, flags) }
