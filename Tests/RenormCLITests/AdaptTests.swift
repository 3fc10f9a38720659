import Foundation
import Testing

/// Adapting a network as a user does: to pictures without classes and with them, under a domain's name, and what goes wrong.
@Suite(.serialized)
struct AdaptTests {
    let folder: TemporaryFolder

    init() throws {
        folder = try TemporaryFolder()
        for (name, shade) in [("source", 200), ("target", 120)] as [(String, UInt8)] {
            let place = folder.url.appendingPathComponent(name)
            try FileManager.default.createDirectory(at: place, withIntermediateDirectories: true)
            try SyntheticImages(training: 200, test: 60, shade: shade).write(to: place)
        }
    }

    @discardableResult
    private func renorm(_ arguments: String...) throws -> Program.Result {
        try Program.renorm.run(arguments, in: folder.url)
    }

    /// A network trained for a few steps.
    private func train(_ norm: String = "batch", _ run: String = "run", _ more: [String] = []) throws {
        let result = try Program.renorm.run(
            [
                "train", "--data", "idx:source", "--model", "small:0.25", "--batch-size", "16", "--steps",
                "20",
                "--validation", "20", "--norm", norm, "--threads", "1", "--run", run,
            ] + more, in: folder.url)
        #expect(result.exitCode == 0, "\(result.errors)")
    }

    private func adaptation(_ result: Program.Result) throws -> [String: Any] {
        #expect(result.exitCode == 0, "\(result.errors)")
        return try #require(result.events(named: "adaptation").first)
    }

    private func accuracy(_ result: Program.Result) throws -> Double {
        #expect(result.exitCode == 0, "\(result.errors)")
        return try #require(result.evaluations(of: "test").first?["accuracy"] as? Double)
    }

    @Test func whatIsMeasuredIsWhatTheFileDoes() throws {
        try train()
        let found = try adaptation(
            renorm("adapt", "run", "--data", "idx:target", "--output", "a.safetensors", "--log", "json"))
        #expect(found["images"] as? Int == 200)
        let (before, after) = (found["before"] as? [String: Any], found["after"] as? [String: Any])
        #expect(before?["examples"] as? Int == 60)
        #expect(
            try accuracy(renorm("evaluate", "run", "--data", "idx:target", "--log", "json"))
                == before?["accuracy"] as? Double)
        #expect(
            try accuracy(renorm("evaluate", "a.safetensors", "--data", "idx:target", "--log", "json"))
                == after?["accuracy"] as? Double)
        // The same again, to the bit, and a file to go on from.
        try renorm("adapt", "run", "--data", "idx:target", "--output", "b.safetensors")
        let files = try ["a", "b"].map {
            try Data(contentsOf: URL(fileURLWithPath: folder.path("\($0).safetensors")))
        }
        #expect((files[0] == files[1]) == true)
        let onwards = try renorm(
            "train", "--init", "a.safetensors", "--data", "idx:target", "--steps", "2", "--validation", "20",
            "--run", "onwards")
        #expect(onwards.exitCode == 0, "\(onwards.errors)")
    }

    @Test func picturesNeedNoClasses() throws {
        try train("batch-renorm")
        let result = try renorm(
            "adapt", "run", "--data", "target/t10k-images-idx3-ubyte", "--images", "20", "--blend",
            "images:10",
            "--output", "a.safetensors", "--log", "json")
        let found = try adaptation(result)
        // 40 of 60 are looked at, and half of them held out.
        #expect(found["images"] as? Int == 20 && found["tested"] as? Int == 20)
        #expect(found["before"] == nil && found["changedAnswers"] is Double)
        let layers = try #require(found["layers"] as? [[String: Any]])
        for layer in layers {
            #expect(abs((layer["meanWeight"] as? Double ?? 0) - 2.0 / 3) < 1e-9)
        }
        let human = try renorm(
            "adapt", "run", "--data", "target/t10k-images-idx3-ubyte", "--output", "b.safetensors")
        #expect(human.exitCode == 0 && human.output.contains("of the answers on 30 pictures held out"))
        #expect(human.output.contains("weight of the target's means"))
    }

    @Test func aDomainStandsBesideTheNetworksOwn() throws {
        try train()
        let plain = try adaptation(
            renorm("adapt", "run", "--data", "idx:target", "--output", "a.safetensors", "--log", "json"))
        let found = try adaptation(
            renorm(
                "adapt", "run", "--data", "idx:target", "--domain", "dim", "--output", "both.safetensors",
                "--log", "json"))
        #expect(found["domains"] as? [String] == ["dim"])
        let again = try adaptation(
            renorm(
                "adapt", "both.safetensors", "--data", "idx:source", "--domain", "bright-2", "--output",
                "three.safetensors", "--log", "json"))
        #expect(again["domains"] as? [String] == ["bright-2", "dim"])
        func predict(_ arguments: String...) throws -> String {
            let result = try Program.renorm.run(
                ["predict"] + arguments + ["target/t10k-images-idx3-ubyte", "--log", "json"], in: folder.url)
            #expect(result.exitCode == 0, "\(result.errors)")
            return result.output
        }
        let (own, dim) = (try predict("run"), try predict("a.safetensors"))
        #expect(own != dim && plain["file"] != nil)
        for file in ["both.safetensors", "three.safetensors"] {
            #expect(try predict(file) == own)
            #expect(try predict(file, "--domain", "default") == own)
            #expect(try predict(file, "--domain", "dim") == dim)
        }
        // Through conversion and export, chosen or all together.
        let renormed = try renorm(
            "convert", "both.safetensors", "--norm", "batch-renorm", "--output", "renorm.safetensors")
        #expect(renormed.exitCode == 0, "\(renormed.errors)")
        let back = try renorm(
            "convert", "renorm.safetensors", "--domain", "dim", "--norm", "batch", "--output",
            "back.safetensors")
        #expect(back.exitCode == 0, "\(back.errors)")
        func likeliest(_ text: String) -> [String] {
            text.split(separator: "\n").compactMap { line in
                line.components(separatedBy: "\"name\":").dropFirst().first.map { String($0.prefix(5)) }
            }
        }
        #expect(likeliest(try predict("back.safetensors")) == likeliest(dim))
        let exported = try renorm(
            "export", "both.safetensors", "--domain", "dim", "--to", "safetensors", "--output",
            "one.safetensors")
        #expect(exported.exitCode == 0)
        #expect(try predict("one.safetensors") == dim)
        #expect(try renorm("describe", "both.safetensors").output.contains("--domain names: dim"))
        #expect(try !renorm("describe", "one.safetensors").output.contains("--domain names"))
        let described = try renorm("describe", "three.safetensors", "--log", "json")
        #expect(described.events(named: "description").first?["domains"] as? [String] == ["bright-2", "dim"])
        // A file with domains is one to go on from: with its own statistics.
        let onwards = try renorm(
            "train", "--init", "both.safetensors", "--data", "idx:target", "--steps", "2", "--validation",
            "20",
            "--run", "onwards")
        #expect(onwards.exitCode == 0, "\(onwards.errors)")
        let unknown = try renorm(
            "predict", "both.safetensors", "target/t10k-images-idx3-ubyte", "--domain", "dima")
        #expect(unknown.exitCode != 0 && unknown.errors.contains("'dima'") && unknown.errors.contains("dim"))
        let folded = try renorm("convert", "both.safetensors", "--fold", "--output", "folded.safetensors")
        #expect(folded.exitCode != 0 && folded.errors.contains("--domain NAME"))
    }

    @Test func aSampleOfOneClassIsSaid() throws {
        try train()
        // Every fourth picture is of the first class.
        let images = SyntheticImages(test: 60, shade: 120)
        var bytes = [UInt8](images.images(60))
        let header = Array(bytes[..<16])
        var pictures: [UInt8] = []
        for picture in stride(from: 0, to: 60, by: 4) {
            pictures += bytes[16 + picture * 64..<80 + picture * 64]
        }
        bytes = header
        bytes[7] = 15
        try Data(bytes + pictures).write(to: folder.url.appendingPathComponent("one-idx3-ubyte"))
        let result = try renorm(
            "adapt", "run", "--data", "one-idx3-ubyte", "--held-out", "0", "--output", "a.safetensors")
        #expect(result.exitCode == 0, "\(result.errors)")
        #expect(result.errors.contains("classes in them where") && result.errors.contains("--blend 1"))
    }

    @Test func wrongInputsAreSaid() throws {
        try train()
        try train("instance", "own")
        try FileManager.default.createDirectory(
            at: folder.url.appendingPathComponent("empty"), withIntermediateDirectories: true)
        let cases: [([String], String)] = [
            (["run", "--data", "empty"], "found no picture in 'empty'"),
            (["run", "--data", "nowhere"], "where nothing is"),
            (["run"], "--data: found none"),
            (["run", "--data", "idx:target", "--data", "empty"], "beside pictures without"),
            (["own", "--data", "idx:target"], "no normalization with moving averages"),
            (["run", "--data", "idx:target", "--norm", "layer9"], "found none that 'layer9' matches"),
            (["run", "--data", "idx:target", "--domain", "a.b"], "the name 'a.b'"),
            (["run", "--data", "idx:target", "--domain", "default"], "the name 'default'"),
            (["run", "--data", "idx:target", "--blend", "2"], "expected auto"),
            (["run", "--data", "idx:target", "--held-out", "1"], "less than 1"),
            (["run", "--data", "target/t10k-images-idx3-ubyte", "--images", "1"], "found 1 picture"),
            (["nowhere", "--data", "idx:target"], "nowhere"),
        ]
        for (arguments, expected) in cases {
            let result = try Program.renorm.run(
                ["adapt"] + arguments + ["--output", "none.safetensors"], in: folder.url)
            #expect(
                result.exitCode != 0 && result.errors.contains(expected), "\(arguments): \(result.errors)")
            #expect(!FileManager.default.fileExists(atPath: folder.path("none.safetensors")))
        }
    }

    @Test func sourcesHaveStatisticsOfTheirOwn() throws {
        let arguments = [
            "train", "--data", "idx:source", "--data", "idx:target", "--model", "small:0.25", "--batch-size",
            "16",
            "--validation", "40", "--threads", "1", "--statistics-by", "source",
        ]
        let result = try Program.renorm.run(
            arguments + ["--steps", "20", "--sampling", "source-blocks:2", "--run", "run"], in: folder.url)
        #expect(result.exitCode == 0, "\(result.errors)")
        #expect(try renorm("describe", "run").output.contains("--domain names: source, target"))
        let own = try renorm("evaluate", "run", "--log", "json")
        let wrong = try Program.renorm.run(
            arguments + ["--steps", "20", "--run", "mixed"], in: folder.url)
        #expect(wrong.exitCode != 0 && wrong.errors.contains("source-blocks:N"))
        #expect(try accuracy(own) >= 0)
        let named = try renorm(
            "evaluate", "run", "--data", "idx:target", "--domain", "target", "--log", "json")
        #expect(
            try accuracy(named)
                == accuracy(renorm("evaluate", "run", "--data", "idx:target", "--log", "json")))
    }
}
