import Foundation
import Renorm

/// The files that `predict` is given, one after another: those named, those in folders that are named, and those that
/// standard input lists.
final class PredictionFiles: @unchecked Sendable {
    // One thread at a time asks for the next: `ImageFileReader` says so.
    private var items: [Item]
    private var place = 0
    /// The number of files; `nil` if standard input says some.
    let count: Int?

    private enum Item {
        case file(String)
        case input
    }

    /// Looks at what is named.
    ///
    /// - Throws: `UsageError` for a path at which there is nothing, and for a folder without pictures.
    init(_ paths: [String]) throws {
        var items: [Item] = []
        for path in paths {
            var isFolder: ObjCBool = false
            if path == "-" {
                items.append(.input)
            } else if !FileManager.default.fileExists(atPath: path, isDirectory: &isFolder) {
                throw UsageError(
                    "found nothing at '\(path.visible)'; expected a picture, a folder of pictures, an IDX file, or - for a list "
                        + "on standard input. Check the path.")
            } else if isFolder.boolValue {
                let found = try PictureFolder.files(in: URL(fileURLWithPath: path))
                if found.isEmpty {
                    throw UsageError(
                        "found no picture in '\(path.visible)' or its folders; expected files named .jpg, .png, .webp, .gif or "
                            + ".bmp. Check the path.")
                }
                items += found.map { .file((path.hasSuffix("/") ? path : path + "/") + $0) }
            } else {
                items.append(.file(path))
            }
        }
        let isListed = items.contains { if case .input = $0 { true } else { false } }
        self.items = items
        count = isListed ? nil : items.count
    }

    /// The next path; `nil` after the last.
    func next() -> String? {
        while place < items.count {
            switch items[place] {
            case .file(let path):
                place += 1
                return path
            case .input:
                guard let line = readLine() else {
                    place += 1
                    continue
                }
                if !line.isEmpty { return line }
            }
        }
        return nil
    }
}

/// Where `predict` writes, and in which form.
struct PredictionDestination {
    let output: TextOutput
    let format: PredictionFormat
    /// Whether a bar on standard error does not disturb the results.
    let hasProgress: Bool

    /// - Parameter file: `nil` for standard output.
    /// - Throws: `UsageError` if the file cannot be made, or its name says another format than the option.
    init(_ file: FilePath?, format given: PredictionFormat?) throws {
        guard let file else {
            (output, format) = (.standard, given ?? .human)
            hasProgress = !TextOutput.standard.isTerminal
            return
        }
        let named: PredictionFormat? =
            switch file.url.pathExtension.lowercased() {
            case "csv": .csv
            case "json", "jsonl", "ndjson": .json
            default: nil
            }
        if let given, let named, given != named {
            throw UsageError(
                "--log: found \(given.rawValue) with --output \(file), which says \(named.rawValue); expected one of them. "
                    + "Leave --log out, or name another file.")
        }
        let descriptor = open(file.url.path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0o666)
        guard descriptor >= 0 else {
            throw UsageError(
                "--output: '\(file)' cannot be written: \(String(cString: strerror(errno))); expected a file in a folder that may "
                    + "be written. Choose another.")
        }
        output = TextOutput(descriptor: descriptor, name: file.url.path)
        format = given ?? named ?? .csv
        hasProgress = true
    }
}
