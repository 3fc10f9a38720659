import Foundation

/// A table that is written line by line, each in one piece: aligned, or as CSV.
struct Lines {
    struct Column {
        var title: String
        var width: Int
        /// Words begin at the left, numbers end at the right.
        var isText: Bool

        init(_ title: String, _ width: Int, isText: Bool = false) {
            self.title = title
            self.width = width
            self.isText = isText
        }
    }

    private let columns: [Column]
    private let isCSV: Bool

    init(_ columns: [Column], isCSV: Bool) {
        self.columns = columns
        self.isCSV = isCSV
    }

    func heading() { line(columns.map(\.title)) }

    func line(_ cells: [String]) {
        write(isCSV ? cells.map(quoted).joined(separator: ",") : aligned(cells), to: .standardOutput)
    }

    /// What belongs to no column; not into a file of CSV.
    func remark(_ text: String) { write(text, to: isCSV ? .standardError : .standardOutput) }

    private func aligned(_ cells: [String]) -> String {
        zip(columns, cells).map { column, cell in
            let space = String(repeating: " ", count: max(0, column.width - cell.count))
            return column.isText ? cell + space : space + cell
        }.joined(separator: "  ")
    }

    private func quoted(_ cell: String) -> String { cell.contains(",") ? "\"\(cell)\"" : cell }

    private func write(_ text: String, to file: FileHandle) { file.write(Data("\(text)\n".utf8)) }
}
