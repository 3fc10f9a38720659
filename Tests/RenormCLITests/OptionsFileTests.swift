import Foundation
import RenormCLI
import Testing

/// Files of options: what is written comes back, and what is no file of options is refused before it costs anything.
struct OptionsFileTests {
    let folder: TemporaryFolder

    init() throws { folder = try TemporaryFolder() }

    private func read(_ text: String) throws -> OptionsFile {
        let file = folder.url.appendingPathComponent("\(UUID().uuidString).yml")
        try Data(text.utf8).write(to: file)
        return try OptionsFile(file, ignoring: "recorded")
    }

    /// What YAML could take for something else, or cut.
    static let texts: [String] = {
        var texts = [
            "", " ", "a b", " leading", "trailing ", "  ", "two  spaces", "'", "\"", "it's", "say \"so\"",
            "\\",
            "a\\nb", "a: b", ": ", "a:", ":a", "a #b", "#", "#a", "\n", "a\nb", "a\n\nb\n", "\n a", "a\r\nb",
            "\r",
            "\t", "a\tb", "\u{0}", "\u{1}", "\u{7f}", "\u{85}", "\u{a0}", "\u{2028}", "a\u{feff}", "\u{e000}",
            "\u{fffe}", "\u{10ffff}", "é", "e\u{301}", "\u{301}", "日本語", "👩‍👩‍👧‍👦 🇨🇭", "*\u{fe0f}\u{20e3}",
            "\u{202e}abc",
            "1", "010", "0x10", "0o7", "0b1", "1_000", "1e3", ".5", "-1", "+1", "1:30", ".nan", ".inf",
            "-.inf",
            "18446744073709551616", "true", "True", "no", "on", "y", "null", "~", "Null", "2024-01-01",
            "2024-01-01T00:00:00Z", "<<", "=", "---", "...", "%YAML", "? a", "| a", "> a", "[a", "{a", "a]",
            "a}",
            "a, b", "!!str a", "a*", "a &b *c", "idx:/a/b", "idx:/a folder/b", "/", "/a:b", "-", "- a", "@a",
            "`a",
        ]
        texts += ["-", "*", "&", "!", "@", "%", "?", "|", ">", "`", "=", ",", "[", "]", "{", "}"].map {
            "\($0)x"
        }
        texts += ["a", "a ", " ", "\n", "é", "👍", "\"", "\\", "*", "'", "x: "].map {
            String(repeating: $0, count: 5000)
        }
        // Anything at all, by a fixed seed.
        var random = SeededGenerator(seed: 1)
        let alphabet = Array(
            "aZ09 \t\n\r'\"\\:#-*&!@%?|>[]{},.~_/=`<é日👍\u{85}\u{2028}\u{feff}\u{1}".unicodeScalars)
        for _ in 0..<400 {
            var text = String.UnicodeScalarView()
            for _ in 0..<Int.random(in: 1...12, using: &random) {
                text.append(alphabet.randomElement(using: &random)!)
            }
            texts.append(String(text))
        }
        // Yams takes a mark of byte order away from the beginning of a text. No path in full begins with one.
        return texts.filter { $0.unicodeScalars.first != "\u{feff}" }
    }()

    @Test func everyTextComesBackAsItWas() throws {
        for text in Self.texts {
            let file = try read("model: \(OptionsFile.scalar(text))\ninit: after\n")
            guard case .scalar(let back) = file.entries.first?.value else {
                Issue.record("\(text.debugDescription) comes back as \(file.entries)")
                continue
            }
            #expect(Array(back.text.utf8) == Array(text.utf8), "\(text.prefix(50).debugDescription)")
            #expect(!back.isNull, "\(text.debugDescription)")
            #expect(file.entries.count == 2, "\(text.debugDescription)")
        }
    }

    @Test func everyListOfTextsComesBackAsItWas() throws {
        let texts = Self.texts.filter { $0.utf8.count < 100 }
        let lines = texts.map { "  - \(OptionsFile.scalar($0))" }.joined(separator: "\n")
        let file = try read("data:\n\(lines)\nmodel: small\n")
        guard case .list(let back) = file.entries.first?.value else {
            Issue.record("\(file.entries)")
            return
        }
        #expect(back.map { Array($0.text.utf8) } == texts.map { Array($0.utf8) })
        #expect(file.entries.count == 2)
    }

    /// Written by earlier versions or by hand.
    @Test func numbersAndFlagsAreReadAsYAMLMeansThem() throws {
        func scalar(_ text: String) throws -> OptionsFile.Scalar {
            guard case .scalar(let scalar) = try read("x: \(text)").entries[0].value else {
                throw CocoaError(.coderInvalidValue)
            }
            return scalar
        }
        for (text, number) in [
            ("64", "64"), ("1_000", "1000"), ("0x10", "16"), ("1e-3", "1e-3"), (".5", "0.5"), ("-1", "-1"),
            ("0.0005", "0.0005"), ("18446744073709551615", "18446744073709551615"), ("\"64\"", "64"),
            ("many", "many"),
        ] {
            let found = try scalar(text).number
            #expect(found == number || Double(found) == Double(number), "\(text): \(found)")
        }
        #expect(try scalar("0x10").number == "16" && scalar("1_000").number == "1000")
        #expect(try ["true", "yes", "On"].allSatisfy { try scalar($0).flag == true })
        #expect(try ["false", "no", "OFF"].allSatisfy { try scalar($0).flag == false })
        #expect(try scalar("\"true\"").flag == nil && scalar("3").flag == nil)
        #expect(try ["", "~", "null"].allSatisfy { try scalar($0).isNull })
        let old = try read(
            """
            # The options of this run.
            data:
              - idx:/a folder/b # old
              - 'idx:/c''s'
            limits: auto
            recorded:
              build: {anything: [goes, {here: 1}]}
            """)
        #expect(old.entries.map(\.name) == ["data", "limits"])
        guard case .list(let data) = old.entries[0].value else {
            Issue.record("\(old.entries)")
            return
        }
        #expect(data.map(\.text) == ["idx:/a folder/b", "idx:/c's"])
    }

    static let bomb = (1...9).reduce("k0: &a0 [x,x,x,x,x,x,x,x,x,x]\n") { text, level in
        text + "k\(level): &a\(level) ["
            + [String](repeating: "*a\(level - 1)", count: 10).joined(separator: ",")
            + "]\n"
    }

    /// What must be refused, a part of what is said, and where: each would cost seconds and gigabytes, or is no file of
    /// options.
    @Test(arguments: [
        (bomb, "anchor or an alias"), (bomb + "? *a9\n: 1\n", "anchor or an alias"),
        ("a: &x 1", "anchor or an alias"), ("a: *x", "anchor or an alias"), ("*x : 1", "anchor or an alias"),
        ("a: [b, &x c]", "anchor or an alias"), ("a: !!str &x b", "anchor or an alias"),
        ("a: &x {b: c}", "Anchors and aliases"), ("&x a: b", "anchor or an alias"),
        ("<<: *x", "anchor or an alias"),
        (String(repeating: "[", count: 100_000), "not YAML"),
        (String(repeating: "? ", count: 100_000), "not YAML"),
        (String(repeating: "{a: ", count: 50_000), "not YAML"),
        ("a: " + String(repeating: "x", count: OptionsFile.largest), "larger than"),
        ("a: \u{fffd}\n\u{0}", "not YAML"), ("a: 1\na: 2", "not YAML"), ("- a", "no mapping"),
        ("a", "no mapping"),
        ("a: {b: c}", "'a' is neither"), ("a: [[b]]", "'a' is neither"), ("? [a]\n: b", "no name"),
    ])
    func whatIsNoFileOfOptionsIsRefusedAtOnce(text: String, expected: String) throws {
        let start = ContinuousClock.now
        let error = try #require(throws: (any Error).self) { try read(text) }
        #expect("\(error)".contains(expected), "\(text.prefix(40)): \(error)")
        #expect("\(error)".utf8.count < 1500)
        #expect(ContinuousClock.now - start < .seconds(5))
    }

    @Test func signsWithinTextAreNoAnchors() throws {
        let file = try read("a: idx:/q *b &c\nb: \"*x\"\nc: '&y'\nd: a&b*c\n# &x *y\n")
        let texts = file.entries.map { entry -> String in
            if case .scalar(let scalar) = entry.value { scalar.text } else { "" }
        }
        #expect(texts == ["idx:/q *b &c", "*x", "&y", "a&b*c"])
    }
}

/// Numbers by a seed (SplitMix64).
struct SeededGenerator: RandomNumberGenerator {
    private var state: UInt64

    init(seed: UInt64) { state = seed }

    mutating func next() -> UInt64 {
        state &+= 0x9e37_79b9_7f4a_7c15
        var z = state
        z = (z ^ (z >> 30)) &* 0xbf58_476d_1ce4_e5b9
        z = (z ^ (z >> 27)) &* 0x94d0_49bb_1331_11eb
        return z ^ (z >> 31)
    }
}
