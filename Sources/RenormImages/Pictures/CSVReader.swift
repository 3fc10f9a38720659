import Foundation

/// The rows of a table of comma-separated values, one after another, in little memory whatever the table's size.
///
/// Fields are as RFC 4180 has them: in quotes they may hold separators, ends of lines and, doubled, quotes. Lines end with LF,
/// CRLF or CR; empty ones are passed by; a byte order mark is. The separator is a comma, a semicolon or a tab, whichever is
/// the most frequent in the first line. A quote inside a field that does not begin with one is a character as others.
package struct CSVReader {
    private let content: FileContent
    private let path: String
    private var buffer = [UInt8](repeating: 0, count: 1 << 16)
    private var unread = 0..<0
    private var isAtEnd = false
    private var separator: UInt8?
    /// The line that is read next, from 1.
    private var nextLine = 1

    /// The line that the row began in, from 1.
    package private(set) var line = 0
    /// The row's fields one after another, without quotes.
    private var row: [UInt8] = []
    private var ends: [Int] = []

    /// The longest row that is believed to be one.
    private static let longestRow = 1 << 20

    /// Opens a table, which gzip may have compressed.
    ///
    /// - Throws: `ImagesError.missingFile`, `.unreadable`; `.damagedTable` for UTF-16.
    package init(_ url: URL) throws {
        path = url.path
        content = try FileContent(url)
        let start = try content.peek(3)
        if start.starts(with: [0xFF, 0xFE]) || start.starts(with: [0xFE, 0xFF]) {
            throw ImagesError.damagedTable(path: path, line: 1, reason: "it is text in UTF-16")
        }
        if start == [0xEF, 0xBB, 0xBF] { _ = try content.bytes(3) }
    }

    /// The number of the row's fields.
    package var fieldCount: Int { ends.count }

    /// A field of the row; empty where the row has fewer.
    package func field(_ index: Int) -> ArraySlice<UInt8> {
        index < ends.count ? row[(index == 0 ? 0 : ends[index - 1])..<ends[index]] : []
    }

    /// A field as text, without blanks around it.
    func text(_ index: Int) -> String {
        let isBlank: (UInt8) -> Bool = { $0 == 0x20 || $0 == 0x09 }
        let field = field(index).drop(while: isBlank)
        return String(
            decoding: field.prefix(field.count - field.reversed().prefix(while: isBlank).count), as: UTF8.self
        )
    }

    /// Goes to the next row, and says whether there is one.
    ///
    /// - Throws: `ImagesError.damagedTable`; what reading the file throws.
    package mutating func next() throws -> Bool {
        let separator = try separator ?? findSeparator()
        self.separator = separator
        repeat {
            guard try readRow(separator) else { return false }
        } while ends.count == 1 && row.isEmpty
        return true
    }

    /// The most frequent of the separators in the first line, outside quotes.
    private mutating func findSeparator() throws -> UInt8 {
        try refill()
        let separators = Array(",;\t".utf8)
        var counts = [0, 0, 0]
        var isQuoted = false
        for byte in buffer[unread].drop(while: { $0 == 0x0A || $0 == 0x0D }) {
            if byte == 0x22 { isQuoted.toggle() }
            if isQuoted { continue }
            if byte == 0x0A || byte == 0x0D { break }
            if let index = separators.firstIndex(of: byte) { counts[index] += 1 }
        }
        return separators[counts.firstIndex(of: counts.max()!)!]
    }

    private mutating func readRow(_ separator: UInt8) throws -> Bool {
        row.removeAll(keepingCapacity: true)
        ends.removeAll(keepingCapacity: true)
        line = nextLine
        var quote = Quote.none
        var hasBytes = false
        while let byte = try nextByte() {
            hasBytes = true
            if byte == 0 { throw damage("it holds a byte 0, which no text does") }
            guard row.count < CSVReader.longestRow, ends.count < CSVReader.longestRow else {
                throw damage(
                    "a row of more than \(CSVReader.longestRow) bytes begins there; is a quote missing?")
            }
            let isFieldStart = row.count == ends.last ?? 0
            switch (quote, byte) {
            case (.open, 0x22): quote = .closed
            case (.open, _): row.append(byte)
            case (.closed, 0x22):
                row.append(byte)
                quote = .open
            case (.none, 0x22) where isFieldStart: quote = .open
            case (_, separator):
                ends.append(row.count)
                quote = .none
            case (_, 0x0A), (_, 0x0D):
                if byte == 0x0D, try peekByte() == 0x0A { _ = try nextByte() }
                ends.append(row.count)
                return true
            case (.closed, _):
                throw damage("a quote ends before the end of its field; quotes inside are written twice")
            case (.none, _): row.append(byte)
            }
        }
        if quote == .open { throw damage("a quote that begins there never ends") }
        if hasBytes { ends.append(row.count) }
        return hasBytes
    }

    private enum Quote {
        case none, open, closed
    }

    private func damage(_ reason: String) -> ImagesError {
        .damagedTable(path: path, line: line, reason: reason)
    }

    private mutating func peekByte() throws -> UInt8? {
        if unread.isEmpty { try refill() }
        return unread.isEmpty ? nil : buffer[unread.lowerBound]
    }

    private mutating func nextByte() throws -> UInt8? {
        guard let byte = try peekByte() else { return nil }
        unread.removeFirst()
        // CRLF is one end of a line: its CR does not count where its LF does.
        if byte == 0x0A { nextLine += 1 } else if byte == 0x0D, try peekByte() != 0x0A { nextLine += 1 }
        return byte
    }

    private mutating func refill() throws {
        guard !isAtEnd else { return }
        let count = try buffer.withUnsafeMutableBytes { try content.read(into: $0) }
        isAtEnd = count < buffer.count
        unread = 0..<count
    }
}
