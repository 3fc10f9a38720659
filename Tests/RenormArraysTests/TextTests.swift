import Foundation
import RenormArrays
import Testing

/// Text that people, terminals and shells read.
@Suite struct TextTests {
    private static let names = [
        "runs/a", "a b", "it's", "a$HOME", "(x)&y", "a'b c", "", "\"", "\\", "a\\'", "~", "#a", "!!", "a;b|c",
        "*", "=ls",
        "[a]", "{a,b}", "ä ☃", "e\u{301}'", "'\u{301}", "-n", "--run", "-", "a\nb", "\u{1B}[31mred", "tab\t",
        "\u{7F}",
        "\u{9B}2J", "\u{202E}txt", "it's\r\\", "end\n", "\r\n",
    ]

    /// What the shell makes of a word is what was to be said.
    @Test(arguments: names, ["/bin/sh", "/bin/bash"])
    func aShellReadsAQuotedWordAsItWas(name: String, shell: String) throws {
        // `$'…'` is younger than some systems' sh.
        let isOld = shell == "/bin/sh" && name.unicodeScalars.contains(where: \.isUnprintable)
        guard !isOld, FileManager.default.fileExists(atPath: shell) else { return }
        #expect(try shown("\(name.shellQuoted) \(name.shellQuoted)", shell) == [name, name])
        #expect(name.shellQuoted.unicodeScalars.allSatisfy { !$0.isUnprintable })
    }

    @Test func plainWordsStayAsTheyAre() {
        #expect(
            ["runs/a_1-b.2", "label-blocks:1x8"].map(\.shellQuoted) == ["runs/a_1-b.2", "label-blocks:1x8"])
        #expect("".shellQuoted == "''")
    }

    @Test func aPathIsNoOption() {
        #expect(
            ["-x", "--run", "-a b", "x-", "/-x"].map(\.shellPath) == [
                "./-x", "./--run", "'./-a b'", "x-", "/-x",
            ])
    }

    private func shown(_ words: String, _ shell: String) throws -> [String] {
        let (process, output) = (Process(), Pipe())
        process.executableURL = URL(fileURLWithPath: shell)
        process.arguments = ["-c", "printf '%s\\0' \(words)"]
        process.standardOutput = output
        try process.run()
        let data = output.fileHandleForReading.readDataToEndOfFile()
        process.waitUntilExit()
        return String(decoding: data, as: UTF8.self).split(separator: "\0", omittingEmptySubsequences: false)
            .dropLast().map(String.init)
    }

    @Test func whatATerminalWouldObeyIsShown() {
        #expect(
            "a\u{1B}[31m\n\t\0\r\u{7F}\u{9B}\u{202E}\u{FFFF}é☃".visible
                == "a\\u{1B}[31m\\n\\t\\0\\r\\u{7F}\\u{9B}\\u{202E}\\u{FFFF}é☃")
        #expect("a\r\n\tb\u{7}".visibleLines == "a\\r\n\tb\\u{7}")
    }

    @Test func notANumberHasNoSign() {
        #expect(
            [Double.nan, -Double.nan, -0.5, .infinity].map { $0.text("%.2f") } == [
                "nan", "nan", "-0.50", "inf",
            ])
    }

    @Test func searchesUpwardsEnd() {
        #expect(foldersUpwards(from: "/a/b") == ["/a/b", "/a", "/"])
        #expect(foldersUpwards(from: "/a//b/./../c/") == ["/a/c", "/a", "/"])
        #expect(foldersUpwards(from: "/../..") == ["/"])
        // The working folder of a process whose folder was deleted, or is out of its reach.
        for path in ["", ".", "..", "a/b", "(unreachable)/a"] { #expect(foldersUpwards(from: path) == []) }
    }
}
