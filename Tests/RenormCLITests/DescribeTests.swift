import Foundation
import Testing

/// `renorm describe` and `--help`.
struct DescribeTests {
    @Test func aModelIsDescribedInFull() throws {
        let result = try Program.renorm.run(
            [
                "describe", "--model", "resnet18", "--stem", "imagenet", "--norm", "batch", "--image",
                "224x224x3",
                "--classes", "1000", "--log", "json",
            ])
        #expect(result.exitCode == 0, "\(result.errors)")
        let description = try #require(result.events(named: "description").first)
        #expect(description["parameters"] as? Int == 11_689_512)
    }

    /// What only a training step brings to light is said too.
    @Test func aStepThatNormalizesSingleValuesIsWarnedOf() throws {
        let arguments = [
            "describe", "--model", "resnet18", "--stem", "imagenet", "--image", "32x32x3", "--batch-size",
            "1",
        ]
        let result = try Program.renorm.run(arguments)
        #expect(result.exitCode == 0)
        #expect(result.errors.contains("one value per channel"), "\(result.errors)")
        let json = try Program.renorm.run(arguments + ["--log", "json"])
        let description = try #require(json.events(named: "description").first)
        let warnings = try #require(description["warnings"] as? [String])
        // Once for all layers, by name.
        #expect(warnings.count == 1, "\(warnings)")
        #expect(
            warnings.first?.hasPrefix(
                "layer4.0.bn1, layer4.0.bn2, layer4.0.downsample.1, layer4.1.bn1, layer4.1.bn2: one value")
                == true)
    }

    @Test(arguments: ["train", "compare", "evaluate", "predict", "describe"])
    func everyCommandExplainsItself(command: String) throws {
        let result = try Program.renorm.run([command, "--help"])
        #expect(result.exitCode == 0)
        #expect(result.output.contains("OVERVIEW:"))
        #expect(result.output.contains("xample"), "an example is missing")
    }

    /// A package that depends on Renorm brings a normalization, a network and a source of pictures, and uses them by name.
    @Test func aPackageOfYourOwnAddsToTheTables() throws {
        let result = try Program.yourOwn.run([])
        #expect(result.exitCode == 0, "\(result.errors)")
        let lines = result.output.split(separator: "\n").map(String.init)
        try #require(lines.count == 4, "\(result.output)")
        func share(_ line: String) -> Double? {
            line.firstMatch(of: /([0-9.]+) %/).flatMap { Double($0.1) }
        }
        #expect(lines[0].hasPrefix("tower:3 with rms power=4: ") && lines[1].hasPrefix("read again: "))
        #expect(share(lines[0]) == share(lines[1]))
        // Three classes, so chance is a third.
        #expect(share(lines[0]).map { $0 > 40 } == true, "\(lines[0])")
        #expect(lines[2].hasPrefix("batch in fours: ") && lines[3].hasPrefix("rms in fours: "))
    }

    /// Every example of the package runs.
    @Test(arguments: [
        ("TenSteps", [String](), "step 10  loss"), ("OneWord", ["40"], "batch-renorm: "),
        ("MovingAverages", ["8"], "step 8: loss"), ("ScaleOfWeights", ["20"], "batch-renorm: 0.01: "),
        (
            "BatchOfOne", [],
            "batch-renorm of [0.0, 1.0, 3.0, 5.0]: [-0.5, 0.0, 0.99, 1.98] in training, [-0.5, 0.0, 1.0, 2.0] at inference"
        ),
    ])
    func examplesRun(name: String, arguments: [String], expected: String) throws {
        let result = try Program(name).run(arguments)
        #expect(result.exitCode == 0, "\(result.errors)")
        #expect(result.output.contains(expected), "\(result.output)")
    }
}
