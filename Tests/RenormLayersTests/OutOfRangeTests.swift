import Renorm
import Testing

/// Options and descriptions of networks that nothing may be computed of.
@Suite struct OutOfRangeTests {
    @Test func aPatternOfManyStarsIsComparedAtOnce() {
        let clock = ContinuousClock()
        let path = String(repeating: "a", count: 200) + ".b"
        let time = clock.measure {
            #expect(!PathPattern(String(repeating: "**a", count: 60) + "c").matches(path))
            #expect(!PathPattern(String(repeating: "*a", count: 60) + "c").matches(path))
            #expect(PathPattern(String(repeating: "*a", count: 60) + "*").matches(path))
            #expect(!PathPattern(String(repeating: "*", count: 20_000) + "c").matches(path))
        }
        // Trying every way that the stars can go would take longer than the universe has been there.
        #expect(time < .seconds(20))
    }

    @Test(arguments: [0, 7, 100, 1 << 24, 1 << 60, .max])
    func limitsOfRunsOfAnyLengthCanBeAskedFor(steps: Int) throws {
        _ = Limits.forRun(of: steps)
        _ = Limits.paper(fullyOpenAt: steps)
        let text = try NormalizationText("batch-renorm", run: NormalizationText.Run(steps: steps))
        let all = try Limits(parsing: "ramp:0:1:3:5", in: text)
        #expect(all.rMax.value(at: 0) == (steps == 0 ? 3 : 1))
    }

    @Test func theProportionsOfLimitsAreWhatTheyWere() {
        for steps in [1, 9, 13, 100, 1717, 5154] {
            let expected = Limits.ramp(
                from: steps * 3 / 10, rMax: 3, at: steps * 8 / 10, dMax: 5, at: steps * 8 / 10)
            #expect(Limits.forRun(of: steps) == expected)
            #expect(
                Limits.paper(fullyOpenAt: steps)
                    == Limits.ramp(from: steps / 8, rMax: 3, at: steps, dMax: 5, at: steps * 5 / 8))
        }
    }

    /// A field of a network's description, a value, and a part of what is said.
    @Test(arguments: [
        ("classes", "-3", "classes"), ("classes", "0", "1 to 2147483647"),
        ("classes", "4294967296", "4294967296 classes"),
        ("input", "[8, 8, -1]", "at least 0"), ("input", "[8, 8]", "[height, width, channels]"),
        ("input", "[100000, 100000, 1]", "2^28"),
        ("input", "[0, 9223372036854775807, 9223372036854775807]", "2^40"),
        ("epsilon", "-1", "epsilon"), ("epsilon", "1e300", "epsilon"), ("averagingRate", "2", "0 to 1"),
        ("stepProjection", "-0.5", "step projection"), ("examples", "0", "groups of 0 examples"),
        ("examples", "-9223372036854775808", "at least 1"),
    ])
    func aNetworkOfAFileIsChecked(field: String, value: String, expected: String) throws {
        let architecture = Architecture(
            name: "small", classes: 3, input: [8, 8, 1],
            normalization: Normalization(.batchRenorm(.limits(.paper), examples: 4)))
        let text = try JSONCoder.encode(architecture)
        let pattern = try Regex("\"\(field)\":(\\[[^\\]]*\\]|[-0-9.e]+)")
        #expect(text.firstMatch(of: pattern) != nil, "\(text)")
        let damaged = text.replacing(pattern, with: "\"\(field)\":\(value)")
        let error = try #require(throws: DecodingError.self) {
            try JSONCoder.decode(Architecture.self, from: damaged)
        }
        #expect("\(error)".contains(expected), "\(error)")
    }

    @Test func aNetworkOfCodeIsChecked() throws {
        let tooMany = Architecture(
            name: "small", classes: .max, input: [8, 8, 1], normalization: Normalization(.none))
        #expect(throws: GraphError.self) { try tooMany.makeLayer() }
        let model = try Model(
            Small(classes: 3, width: 0.05, normalization: Normalization(.none)), input: [8, 8, 1])
        #expect(throws: GraphError.self) { try model.graph(batch: .max) }
        #expect(throws: GraphError.self) { try model.graph(batch: 1 << 38) }
        // The output of a layer can be what overflows.
        #expect(throws: GraphError.self) {
            try ModelDescription(of: Dense(.max), input: [4])
        }
    }
}
