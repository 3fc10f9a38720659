import Foundation

/// Runs `body` on a thread of its own: work that blocks for long must not occupy one of Swift's few.
///
/// The name is set before the start. (On Linux Foundation may then not pass it on to the system; but a name set after
/// the start crashes where the thread has already ended.)
package func startThread(named name: String, _ body: @escaping @Sendable () -> Void) {
    let thread = Thread(block: body)
    thread.name = name
    // As the main thread's; elsewhere a secondary one has less.
    thread.stackSize = 8 << 20
    thread.start()
}
