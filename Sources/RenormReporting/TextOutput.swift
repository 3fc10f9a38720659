import RenormArrays
import Foundation

#if canImport(Darwin)
    import Darwin
#else
    import Glibc
#endif

/// A file descriptor that takes text: all of it, or an error says why not.
///
///     try TextOutput.standard.print("3 images")
///
/// A program that writes to pipes should ignore SIGPIPE, which otherwise ends it before there is an error.
public struct TextOutput: Sendable {
    /// Standard output.
    public static let standard = TextOutput(descriptor: STDOUT_FILENO, name: "Standard output")
    /// Standard error.
    public static let errors = TextOutput(descriptor: STDERR_FILENO, name: "Standard error")

    private let descriptor: Int32
    private let name: String

    /// - Parameter name: What messages call it.
    public init(descriptor: Int32, name: String) {
        (self.descriptor, self.name) = (descriptor, name)
    }

    /// Whether a person may be looking.
    public var isTerminal: Bool { isatty(descriptor) == 1 }

    /// Writes lines and the end of the last. What a terminal would obey in place of showing is written as text.
    ///
    /// - Throws: `ReportingError`.
    public func print(_ text: String = "") throws(ReportingError) { try write(text.visibleLines + "\n") }

    /// Writes text as it is.
    ///
    /// - Throws: `ReportingError`.
    public func write(_ text: String) throws(ReportingError) {
        var bytes = Array(text.utf8)[...]
        while !bytes.isEmpty {
            let count = bytes.withUnsafeBytes { systemWrite(descriptor, $0.baseAddress!, $0.count) }
            if count >= 0 {
                bytes = bytes.dropFirst(count)
                continue
            }
            switch errno {
            case EINTR: continue
            case EAGAIN: waitUntilWritable()
            case EPIPE: throw .readerGone(output: name)
            // The terminal of a program that goes on without it is gone: nobody reads this any more.
            case EIO where isFormerTerminal: return
            case EBADF: throw .unwritable(output: name, reason: "it is closed")
            case let code: throw .unwritable(output: name, reason: String(cString: strerror(code)))
            }
        }
    }

    /// Somebody else made the pipe or terminal one that does not wait.
    private func waitUntilWritable() {
        var wanted = pollfd(fd: descriptor, events: Int16(POLLOUT), revents: 0)
        _ = poll(&wanted, 1, -1)
    }

    /// Whether it is a device of characters, as terminals are: one that was hung up is no terminal to `isatty`.
    private var isFormerTerminal: Bool {
        var status = stat()
        return fstat(descriptor, &status) == 0 && status.st_mode & S_IFMT == S_IFCHR
    }
}

/// The system's function, under a name that no method hides.
private func systemWrite(_ descriptor: Int32, _ bytes: UnsafeRawPointer, _ count: Int) -> Int {
    write(descriptor, bytes, count)
}
