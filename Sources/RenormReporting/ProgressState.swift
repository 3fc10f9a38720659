/// How far some work is, as numbers and words.
public struct ProgressState: Hashable, Sendable {
    /// The number of steps done.
    public var completed: Int
    /// The number of steps to do.
    public var total: Int
    /// How many units are done in a second; `nil` if not known.
    public var unitsPerSecond: Double?
    /// What is counted in a second.
    public var unit: String
    /// What else there is to say, such as the loss.
    public var detail: String
    /// The time that is left, in seconds; `nil` if not known.
    public var secondsLeft: Double?

    /// Makes a state.
    public init(
        completed: Int, total: Int, unitsPerSecond: Double? = nil, unit: String = "steps",
        detail: String = "",
        secondsLeft: Double? = nil
    ) {
        self.completed = completed
        self.total = total
        self.unitsPerSecond = unitsPerSecond
        self.unit = unit
        self.detail = detail
        self.secondsLeft = secondsLeft
    }

    /// Which characters a terminal shows.
    public enum Characters: Sendable {
        /// Letters and signs of ASCII only.
        case ascii
        /// Blocks in eighths of a character.
        case blocks
    }

    /// The state on one line of at most `width` characters, the bar taking what the words leave:
    ///
    ///     43 % ████████▌          1,234/2,870  9,876 images/s  loss 0.4321  1:23 left
    ///
    /// On a narrower line first the bar goes, then the speed, the detail, the time and the steps; what is left is cut.
    public func line(width: Int, characters: Characters = .blocks) -> String {
        let words = [(paddedSteps, 4), (speed, 1), (detail, 2), (timeLeft, 3)].filter { !$0.0.isEmpty }
        for dropped in 0...4 {
            let text = words.filter { $0.1 > dropped }.map(\.0).joined(separator: "  ")
            let taken = percentage.count + (text.isEmpty ? 0 : 2 + text.count)
            guard taken <= width else { continue }
            let room = min(width - taken - 1, 40)
            let bar = dropped == 0 && room >= 5 ? " " + bar(width: room, characters) : ""
            return percentage + bar + (text.isEmpty ? "" : "  " + text)
        }
        return String(percentage.prefix(max(width, 0)))
    }

    /// The state as a line of a record that nobody watches.
    public var plainLine: String {
        ["step \(steps)", speed, detail, timeLeft].filter { !$0.isEmpty }.joined(separator: "  ")
    }

    /// The part that is done, from 0 to 1.
    var fraction: Double { total > 0 ? min(max(Double(completed) / Double(total), 0), 1) : 0 }

    private var percentage: String {
        let number = Int((fraction * 100).rounded(.down))
        return String(repeating: " ", count: 3 - "\(number)".count) + "\(number) %"
    }

    private var steps: String { "\(grouped(completed))/\(grouped(total))" }

    /// As wide from the first step to the last, so that the line does not move.
    private var paddedSteps: String {
        let missing = grouped(total).count - grouped(completed).count
        return String(repeating: " ", count: max(missing, 0)) + steps
    }

    private var speed: String {
        guard let unitsPerSecond, unitsPerSecond.isFinite, unitsPerSecond < 1e15 else { return "" }
        let number =
            unitsPerSecond < 10
            ? "\((unitsPerSecond * 10).rounded() / 10)" : grouped(Int(unitsPerSecond.rounded()))
        return "\(number) \(unit)/s"
    }

    private var timeLeft: String {
        guard let secondsLeft, secondsLeft.isFinite, secondsLeft >= 0, secondsLeft < 1e9 else { return "" }
        let seconds = Int(secondsLeft.rounded())
        func two(_ number: Int) -> String { number < 10 ? "0\(number)" : "\(number)" }
        let minutes = "\(two(seconds % 60)) left"
        if seconds < 3600 { return "\(seconds / 60):\(minutes)" }
        return "\(seconds / 3600):\(two(seconds / 60 % 60)):\(minutes)"
    }

    private func bar(width: Int, _ characters: Characters) -> String {
        switch characters {
        case .ascii:
            let full = Int((fraction * Double(width - 2)).rounded(.down))
            return "[" + String(repeating: "#", count: full)
                + String(repeating: ".", count: width - 2 - full) + "]"
        case .blocks:
            let eighths = Int((fraction * Double(width * 8)).rounded(.down))
            let partial = ["", "▏", "▎", "▍", "▌", "▋", "▊", "▉"][eighths % 8]
            let filled = String(repeating: "█", count: eighths / 8) + partial
            return filled + String(repeating: " ", count: width - filled.count)
        }
    }
}

/// A number with a comma between thousands.
private func grouped(_ number: Int) -> String {
    let digits = String(number.magnitude)
    var result = ""
    for (position, digit) in digits.enumerated() {
        if position > 0, (digits.count - position) % 3 == 0 { result.append(",") }
        result.append(digit)
    }
    return number < 0 ? "-" + result : result
}
