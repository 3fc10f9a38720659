import Foundation

/// How much memory this process has, in bytes; zero where the system does not say (it is read from Linux's /proc).
public enum ProcessMemory {
    /// What is in memory now.
    public static var resident: Int { field("VmRSS") }

    /// The most that has been in memory.
    public static var peak: Int { field("VmHWM") }

    private static func field(_ name: String) -> Int {
        guard let status = try? String(contentsOfFile: "/proc/self/status", encoding: .utf8),
            let line = status.split(separator: "\n").first(where: { $0.hasPrefix("\(name):") })
        else { return 0 }
        return line.split(whereSeparator: \.isWhitespace).dropFirst().first.flatMap { Int($0) }.map {
            $0 * 1024
        } ?? 0
    }
}
