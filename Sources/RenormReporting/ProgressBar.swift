import Foundation
import RenormArrays

/// Shows progress while work goes on: on a terminal a bar that is redrawn in place, elsewhere a plain line now and then.
///
///     var progress = ProgressBar()
///     progress.update(completed: 3, total: 100, unitsPerSecond: 5000, unit: "images", detail: "loss 0.5")
///     progress.print("step 3  validation: 91.2 % right")  // a line that stays, above the bar
///     progress.finish()
///
/// The bar is redrawn at most ten times a second, so it may be updated as often as there is news. Control characters in
/// what is shown are written as text.
public struct ProgressBar {
    /// Why nothing more is shown, once something could not be.
    public private(set) var failure: ReportingError?

    private let output: Output
    private let start: Double
    private var first: (completed: Int, time: Double)?
    private var last: ProgressState?
    private var lastTime = -Double.infinity
    private var isDrawn = false

    private static let redrawInterval = 0.1
    private static let plainInterval = 10.0

    /// Where the lines go, and the clock; tests put their own here.
    package struct Output {
        package var isTerminal: Bool
        package var characters: ProgressState.Characters
        package var width: () -> Int
        package var seconds: () -> Double
        package var write: (String) throws(ReportingError) -> Void

        package init(
            isTerminal: Bool, characters: ProgressState.Characters, width: @escaping () -> Int,
            seconds: @escaping () -> Double, write: @escaping (String) throws(ReportingError) -> Void
        ) {
            self.isTerminal = isTerminal
            self.characters = characters
            self.width = width
            self.seconds = seconds
            self.write = write
        }
    }

    /// A bar on standard output or another file descriptor.
    public init(descriptor: Int32 = STDOUT_FILENO) {
        let text =
            descriptor == STDOUT_FILENO
            ? TextOutput.standard : TextOutput(descriptor: descriptor, name: "The output")
        let environment = ProcessInfo.processInfo.environment
        let locale =
            ["LC_ALL", "LC_CTYPE", "LANG"].compactMap { environment[$0] }.first { !$0.isEmpty } ?? ""
        let isUTF8 = locale.uppercased().replacingOccurrences(of: "-", with: "").hasSuffix("UTF8")
        let origin = ContinuousClock.now
        self.init(
            Output(
                isTerminal: text.isTerminal && environment["TERM"] != "dumb",
                characters: isUTF8 ? .blocks : .ascii,
                width: { terminalWidth(descriptor) },
                seconds: { (ContinuousClock.now - origin) / .seconds(1) },
                write: text.write))
    }

    package init(_ output: Output) {
        self.output = output
        start = output.seconds()
    }

    /// Says how far the work is. The time left follows from the steps since the first update.
    ///
    /// - Parameter detail: only asked for when something is shown.
    public mutating func update(
        completed: Int, total: Int, unitsPerSecond: Double? = nil, unit: String = "steps",
        detail: @autoclosure () -> String = ""
    ) {
        let now = output.seconds()
        if first == nil { first = (completed, now) }
        // The first plain line waits its time too: work that is over soon needs none.
        let since = output.isTerminal ? lastTime : max(lastTime, start)
        let interval = output.isTerminal ? Self.redrawInterval : Self.plainInterval
        guard now - since >= interval || completed >= total && last?.completed != completed else { return }
        lastTime = now
        let state = ProgressState(
            completed: completed, total: total, unitsPerSecond: unitsPerSecond, unit: unit,
            detail: detail().visible,
            secondsLeft: secondsLeft(completed: completed, total: total, now: now))
        last = state
        if output.isTerminal {
            draw(state)
        } else {
            write(state.plainLine + "\n")
        }
    }

    /// Writes a line (or several) that stays, above the bar.
    public mutating func print(_ text: String) {
        let wasDrawn = isDrawn
        erase()
        write(text.visibleLines + "\n")
        if wasDrawn, let last { draw(last) }
    }

    /// Takes the bar away and leaves the cursor at the beginning of a clean line.
    public mutating func finish() {
        erase()
        last = nil
        first = nil
        lastTime = -Double.infinity
    }

    private func secondsLeft(completed: Int, total: Int, now: Double) -> Double? {
        guard let first, completed > first.completed, now > first.time else { return nil }
        let perStep = (now - first.time) / Double(completed - first.completed)
        return perStep * Double(max(total - completed, 0))
    }

    private mutating func write(_ text: String) {
        guard failure == nil else { return }
        do {
            try output.write(text)
        } catch {
            failure = error
        }
    }

    private mutating func draw(_ state: ProgressState) {
        // One column stays free: a character in the last one makes some terminals go to the next line.
        let line = state.line(width: max(output.width() - 1, 1), characters: output.characters)
        write("\r" + line + "\u{1B}[K")
        isDrawn = true
    }

    private mutating func erase() {
        if isDrawn { write("\r\u{1B}[K") }
        isDrawn = false
    }
}

private func terminalWidth(_ descriptor: Int32) -> Int {
    var size = winsize()
    guard ioctl(descriptor, UInt(TIOCGWINSZ), &size) == 0, size.ws_col > 0 else { return 80 }
    return Int(size.ws_col)
}
