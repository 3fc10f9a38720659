// How long a list of very many pictures takes, and how much memory it has: 1,000 folders of 1,300 tiny files each, and the same
// named by a table.
//
//     swift run -c release Listing make FOLDER [CLASSES] [PICTURES]
//     swift run -c release Listing folder FOLDER
//     swift run -c release Listing table FOLDER
//
// The first makes the files (some 6 GB on most file systems); remove them afterwards. The others print a JSON line: seconds, seconds
// of processor time, and the bytes of resident memory a picture: of the finished list, and at the most while it was made,
// both without what the program had before.
//
// 1.3 million pictures on two busy cores of an Intel Xeon (Ice Lake), files in memory: the folder in 45 s (21 s of processor time), 87
// bytes a picture, 107 at the most; the table in 45 s (20 s), 131 bytes.

import Foundation
import RenormImages

@main
struct Listing {
    static func main() throws {
        let arguments = CommandLine.arguments
        guard arguments.count > 2, ["make", "folder", "table"].contains(arguments[1]) else {
            print("Listing make FOLDER [CLASSES] [PICTURES], or Listing folder|table FOLDER")
            exit(2)
        }
        let folder = URL(fileURLWithPath: arguments[2])
        let data = folder.appendingPathComponent("data")
        let table = folder.appendingPathComponent("pictures.csv")
        switch arguments[1] {
        case "make":
            func number(_ place: Int, _ usual: Int) -> Int {
                arguments.count > place ? Int(arguments[place]) ?? usual : usual
            }
            try make(number(3, 1000), number(4, 1300), in: folder, table: table)
        case "folder": try measure("folder") { try PictureList(data) }
        default: try measure("table") { try PictureList(table: table) }
        }
    }

    /// Names are about as long as ImageNet's.
    private static func make(_ classes: Int, _ each: Int, in folder: URL, table: URL) throws {
        // A bitmap of one pixel.
        let picture: [UInt8] = [
            0x42, 0x4D, 58, 0, 0, 0, 0, 0, 0, 0, 54, 0, 0, 0, 40, 0, 0, 0, 1, 0, 0, 0, 1, 0, 0, 0, 1, 0,
            24, 0, 0, 0, 0, 0, 4, 0, 0, 0, 0x13, 0x0B, 0, 0, 0x13, 0x0B, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0,
            1, 2, 3, 0,
        ]
        var lines = ["path,label"]
        for number in 0..<classes {
            let name = "n\(10_000_000 + number)"
            let inside = folder.appendingPathComponent("data/\(name)")
            try FileManager.default.createDirectory(at: inside, withIntermediateDirectories: true)
            for file in 0..<each {
                let path = "\(inside.path)/\(name)_\(10_000 + file).JPEG"
                let descriptor = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0o644)
                guard descriptor >= 0, write(descriptor, picture, picture.count) == picture.count else {
                    throw CocoaError(.fileWriteUnknown)
                }
                close(descriptor)
                lines.append("data/\(name)/\(name)_\(10_000 + file).JPEG,\(name)")
            }
        }
        try lines.joined(separator: "\n").write(to: table, atomically: true, encoding: .utf8)
    }

    private static func measure(_ what: String, _ body: () throws -> PictureList) throws {
        let before = resident()
        let start = ContinuousClock.now
        let used = clock()
        var most = before
        let watcher = Watcher()
        let list = try body()
        most = max(watcher.stop(), most)
        let seconds = (ContinuousClock.now - start) / .seconds(1)
        let processor = Double(clock() - used) / Double(CLOCKS_PER_SEC)
        let after = resident()
        let count = Double(list.count)
        print(
            String(
                format:
                    "{\"list\": \"%@\", \"pictures\": %d, \"seconds\": %.1f, \"processor_seconds\": %.1f, "
                    + "\"bytes\": %.0f, \"peak\": %.0f}",
                what, list.count, seconds, processor, Double(after - before) / count,
                Double(most - before) / count))
    }

    /// Looks at the memory while something else works.
    private final class Watcher: @unchecked Sendable {
        private let condition = NSCondition()
        private var isStopped = false
        private var isOver = false
        private var most = 0

        init() {
            Thread { [self] in
                condition.withLock {
                    while !isStopped {
                        most = max(most, resident())
                        _ = condition.wait(until: Date(timeIntervalSinceNow: 0.02))
                    }
                    isOver = true
                    condition.broadcast()
                }
            }.start()
        }

        func stop() -> Int {
            condition.withLock {
                isStopped = true
                condition.broadcast()
                while !isOver { condition.wait() }
                return most
            }
        }
    }
}

/// Bytes of memory that the process has.
private func resident() -> Int {
    #if canImport(Darwin)
        var info = mach_task_basic_info()
        var count = mach_msg_type_number_t(
            MemoryLayout<mach_task_basic_info>.size / MemoryLayout<natural_t>.size)
        let result = withUnsafeMutablePointer(to: &info) {
            $0.withMemoryRebound(to: integer_t.self, capacity: Int(count)) {
                task_info(mach_task_self_, task_flavor_t(MACH_TASK_BASIC_INFO), $0, &count)
            }
        }
        return result == KERN_SUCCESS ? Int(info.resident_size) : 0
    #else
        let text = (try? String(contentsOfFile: "/proc/self/statm", encoding: .utf8)) ?? ""
        return (text.split(separator: " ").dropFirst().first.flatMap { Int($0) } ?? 0)
            * sysconf(Int32(_SC_PAGESIZE))
    #endif
}
