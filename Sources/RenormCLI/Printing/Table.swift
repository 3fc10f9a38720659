import Renorm

/// Text in columns.
struct Table {
    private let headers: [String]
    private let right: Set<Int>

    /// A table with these headers; columns in `right` are flush right.
    init(_ headers: [String], right: Set<Int>) {
        self.headers = headers
        self.right = right
    }

    func print(_ rows: [[String]]) throws {
        for line in lines(rows) { try say(line) }
    }

    func lines(_ rows: [[String]]) -> [String] {
        let all = ([headers] + rows).map { $0.map(\.visible) }
        let widths = headers.indices.map { column in all.map { $0[column].count }.max() ?? 0 }
        return all.map { row in
            let cells = row.enumerated().map { column, text in
                let space = String(repeating: " ", count: widths[column] - text.count)
                return right.contains(column) ? space + text : text + space
            }
            var line = cells.joined(separator: "  ")
            while line.last == " " { line.removeLast() }
            return line
        }
    }
}
