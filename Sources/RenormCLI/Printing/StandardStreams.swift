import Foundation
import Renorm

/// The three streams that a program is started with.
enum StandardStreams {
    /// Makes them safe to write to, before anything is opened.
    ///
    /// The first file that a program opens gets the first free descriptor. If that were the one of a stream that was closed
    /// (`>&-`), what is printed would end up in a checkpoint; so something that cannot be written to (or, for input, read
    /// from) takes its place. A reader that goes away is an error of the next write, and no longer a signal that ends the
    /// process before anything is saved.
    static func prepare() {
        for (descriptor, mode) in [
            (STDIN_FILENO, O_WRONLY), (STDOUT_FILENO, O_RDONLY), (STDERR_FILENO, O_RDONLY),
        ] where fcntl(descriptor, F_GETFD) == -1 {
            if open("/dev/null", mode) < 0 { _ = open("/", O_RDONLY) }
        }
        signal(SIGPIPE, SIG_IGN)
    }
}

/// Prints lines on standard output.
///
/// - Throws: `ReportingError`.
func say(_ text: String = "") throws { try TextOutput.standard.print(text) }

/// Says something on standard error, if anybody can hear it.
func warn(_ message: String) { try? TextOutput.errors.print(message) }
