import Foundation

/// What the system says of a file.
struct FileStatus {
    private let status: stat

    /// Of a path that ends with a 0; `nil` if there is nothing, or nothing that may be seen (`errno` says which).
    init?(_ path: [UInt8], followsLinks: Bool = true) {
        var status = stat()
        let result = path.withUnsafeBufferPointer {
            let path = UnsafeRawPointer($0.baseAddress!).assumingMemoryBound(to: CChar.self)
            return followsLinks ? stat(path, &status) : lstat(path, &status)
        }
        guard result == 0 else { return nil }
        self.status = status
    }

    /// Of an open file.
    init?(descriptor: Int32) {
        var status = stat()
        guard fstat(descriptor, &status) == 0 else { return nil }
        self.status = status
    }

    private var kind: mode_t { status.st_mode & S_IFMT }
    var isFolder: Bool { kind == S_IFDIR }
    var isFile: Bool { kind == S_IFREG }
    var isLink: Bool { kind == S_IFLNK }
    /// Bytes.
    var size: Int { Int(status.st_size) }
    /// When it was changed last, in nanoseconds since 1970.
    var modified: Int {
        #if canImport(Darwin)
            let time = status.st_mtimespec
        #else
            let time = status.st_mtim
        #endif
        return Int(time.tv_sec).saturatingProduct(1_000_000_000).saturatingSum(Int(time.tv_nsec))
    }
    /// Whether it has a name besides this one.
    var hasOtherNames: Bool { status.st_nlink > 1 }
    var identity: FileIdentity {
        FileIdentity(device: UInt64(truncatingIfNeeded: status.st_dev), number: UInt64(status.st_ino))
    }
}

/// What is the same for all names of a file.
struct FileIdentity: Hashable, Sendable {
    var device: UInt64
    var number: UInt64
}

/// A path below a folder, or itself if it begins with `/`, with the 0 at its end that the system wants.
func fullPath(_ root: String, _ path: some Collection<UInt8>) -> [UInt8] {
    var result: [UInt8] = []
    let isAbsolute = path.first == UInt8(ascii: "/")
    result.reserveCapacity(root.utf8.count + path.count + 2)
    if !isAbsolute {
        result += root.utf8
        if !path.isEmpty, result.last != UInt8(ascii: "/") { result.append(UInt8(ascii: "/")) }
    }
    result += path
    result.append(0)
    return result
}
