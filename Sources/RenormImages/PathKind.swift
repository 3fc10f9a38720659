import Foundation

/// What is found at a path, links followed.
enum PathKind {
    /// Nothing.
    case missing
    /// A folder.
    case folder
    /// Anything else: a file, a pipe, a device.
    case file

    /// Looks.
    ///
    /// - Throws: `ImagesError.unreadable` if the system does not let it be seen.
    init(_ url: URL) throws {
        var status = stat()
        if stat(url.path, &status) == 0 {
            self = status.st_mode & S_IFMT == S_IFDIR ? .folder : .file
        } else if errno == ENOENT || errno == ENOTDIR {
            self = .missing
        } else {
            throw ImagesError.unreadable(path: url.path, reason: String(cString: strerror(errno)))
        }
    }
}
