import Foundation
import Testing

/// Numbers near 2⁶³, in files and options, are refused in words: nothing crashes, waits or asks for terabytes.
@Suite(.serialized) struct HugeNumberTests {
    let folder: TemporaryFolder
    static let huge = "9223372036854775807"

    init() throws {
        folder = try TemporaryFolder()
        try SyntheticImages().write(to: folder.url)
    }

    private func train(_ arguments: [String], run: String = "run") throws -> Program.Result {
        try Program.renorm.run(
            [
                "train", "--data", "idx:\(folder.url.path)", "--model", "small:0.1", "--batch-size", "8",
                "--validation",
                "20", "--threads", "1", "--run", folder.path(run),
            ] + arguments)
    }

    private func expectRefusal(_ result: Program.Result, _ expected: String) {
        #expect(result.exitCode == 1 || result.exitCode == 64, "\(result.exitCode) \(result.errors)")
        #expect(result.errors.contains(expected), "\(result.errors)")
    }

    @Test(arguments: [
        ("--warmup", "0 to 16777216"), ("--epochs", "1 to 16777216"), ("--steps", "1 to 16777216"),
        ("--batch-size", "1 to 2147483647"), ("--accumulate", "1 to 2147483647"),
        ("--validation", "0 to 2147483647"), ("--norm-examples", "groups of \(huge)"),
    ])
    func optionsOfTraining(option: String, expected: String) throws {
        expectRefusal(try train([option, Self.huge]), expected)
    }

    @Test(arguments: [
        ["--evaluate-every", huge, "--checkpoint-every", huge],
        ["--limits", "paper:1099511627776"], ["--limits", "ramp:0:1:3:5"],
    ])
    func hugeOptionsThatMakeSenseAreTaken(arguments: [String]) throws {
        let result = try train(["--steps", "2"] + arguments)
        #expect(result.exitCode == 0, "\(result.errors)")
    }

    @Test func epochsOfMoreStepsThanARunMayHave() throws {
        for limits in ["auto", "ramp", "ramp:0.5:1:3:5"] {
            expectRefusal(try train(["--epochs", "16777216", "--limits", limits]), "expected 1 to 16777216")
        }
    }

    @Test func filesOfLimits() throws {
        let file = folder.path("limits.json")
        for schedule in [
            #"{"kind": "constant", "value": 3, "warmup": \#(Self.huge)}"#,
            #"{"kind": "linear", "points": [[-9e18, 1], [9e18, 3]]}"#,
            #"{"kind": "cosine", "from": 1, "to": 3, "steps": -\#(Self.huge)}"#,
            #"{"kind": "step", "value": 1, "factor": 2, "at": [\#(Self.huge)]}"#,
        ] {
            try #"{"r_max": \#(schedule), "d_max": {"kind": "constant", "value": 5}}"#
                .write(toFile: file, atomically: true, encoding: .utf8)
            let result = try train(["--steps", "2", "--limits", file])
            expectRefusal(result, "does not describe limits (r_max: found")
            #expect(result.errors.contains("2^40"), "\(result.errors)")
        }
    }

    @Test func sizesOfTensors() throws {
        let file = folder.url.appendingPathComponent("m.safetensors")
        for (header, expected) in [
            (#"{"a":{"dtype":"U8","shape":[\#(Self.huge)],"data_offsets":[0,\#(Self.huge)]}}"#, "ends after"),
            (#"{"a":{"dtype":"U8","shape":[0,\#(Self.huge),\#(Self.huge)],"data_offsets":[0,0]}}"#, "2^40"),
            (
                #"{"a":{"dtype":"U8","shape":[\#(Self.huge),\#(Self.huge),0],"data_offsets":[0,0]}}"#,
                "too large"
            ),
        ] {
            var bytes = Data((0..<8).map { UInt8(truncatingIfNeeded: header.utf8.count >> (8 * $0)) })
            bytes.append(Data(header.utf8))
            try bytes.write(to: file)
            let image = folder.path("t10k-images-idx3-ubyte")
            expectRefusal(try Program.renorm.run(["predict", file.path, image]), expected)
            expectRefusal(
                try Program.renorm.run(["evaluate", file.path, "--data", "idx:\(folder.url.path)"]), expected)
            expectRefusal(try train(["--steps", "2", "--init", file.path]), expected)
        }
    }

    @Test func extentsOfImages() throws {
        let file = folder.url.appendingPathComponent("train-images-idx3-ubyte")
        try Data([0, 0, 8, 4, 0, 0, 0, 0] + [UInt8](repeating: 0xFF, count: 12)).write(to: file)
        expectRefusal(try train(["--steps", "2"]), "2^40")
    }

    @Test(arguments: [
        (["--classes", huge], "1 to 2147483647"), (["--batch-size", huge], "2^40"),
        (["--image", "\(huge)x2x1"], "2^28"),
        (["--norm-examples", huge], "groups of \(huge)"), (["--norm", "group:\(huge)"], "groups"),
        (["--classes", "2147483647", "--batch-size", "1000"], "2^40"),
    ])
    func descriptions(arguments: [String], expected: String) throws {
        expectRefusal(try Program.renorm.run(["describe"] + arguments), expected)
    }

    /// The plan of what no machine has can be looked at: nothing is asked for.
    @Test func aNetworkLargerThanAnyMachineIsDescribed() throws {
        let result = try Program.renorm.run(["describe", "--classes", "2147483647"])
        #expect(result.exitCode == 0 && result.output.contains("TiB"), "\(result.errors)")
    }

    @Test(arguments: [
        (["--seeds", huge], "1 to 10000"), (["--steps", huge], "1 to 16777216"),
        (["--batch-size", huge], huge), (["--held-out", huge], huge),
        (["--setting", "shuffled batch=\(huge)", "--norm", "batch rate=0.05/group"], "1 to 2147483647"),
        (["--setting", "label-blocks:\(huge)x\(huge)"], huge),
    ])
    func comparisons(arguments: [String], expected: String) throws {
        let base = [
            "compare", "--run", folder.path("comparison"), "--data", "idx:\(folder.url.path)", "--model",
            "small:0.1",
            "--held-out", "20",
        ]
        expectRefusal(try Program.renorm.run(base + arguments), expected)
    }
}
