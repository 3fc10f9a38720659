import Foundation
import Testing

/// Pictures in folders and tables, from training to prediction.
@Suite(.serialized)
struct PictureTests {
    let folder: TemporaryFolder

    init() throws { folder = try TemporaryFolder() }

    /// A bitmap of 24 bits: one colour, a little of another in stripes that depend on `number`.
    private static func bitmap(height: Int, width: Int, _ colour: [UInt8], number: Int) -> Data {
        let row = (3 * width + 3) / 4 * 4
        var data = Data("BM".utf8)
        func add(_ number: Int, bytes: Int) {
            for place in 0..<bytes { data.append(UInt8(truncatingIfNeeded: number >> (8 * place))) }
        }
        add(54 + row * height, bytes: 4)
        add(0, bytes: 4)
        add(54, bytes: 4)
        for (value, bytes) in [(40, 4), (width, 4), (height, 4), (1, 2), (24, 2), (0, 4), (row * height, 4)] {
            add(value, bytes: bytes)
        }
        add(0, bytes: 16)
        for y in 0..<height {
            for x in 0..<width {
                let isStripe = (x + y * (number % 3) + number) % 5 == 0
                data.append(contentsOf: isStripe ? colour.map { $0 / 2 } : colour)
            }
            data.append(contentsOf: [UInt8](repeating: 0, count: row - 3 * width))
        }
        return data
    }

    /// Two classes of pictures of different sizes, 20 of each.
    private func write(_ name: String = "pictures") throws {
        for (name, colour) in [("\(name)/cherries", [30, 20, 200]), ("\(name)/plums", [190, 40, 60])]
            as [(String, [UInt8])]
        {
            let place = folder.url.appendingPathComponent(name)
            try FileManager.default.createDirectory(at: place, withIntermediateDirectories: true)
            for number in 0..<20 {
                try Self.bitmap(height: 18 + number % 7, width: 16 + number % 11, colour, number: number)
                    .write(to: place.appendingPathComponent("\(number).bmp"))
            }
        }
    }

    private func train(_ run: String, _ more: [String] = [], data: String = "images:pictures") throws
        -> Program.Result
    {
        try Program.renorm.run(
            [
                "train", "--data", data, "--size", "16", "--model", "small:0.25", "--batch-size", "8",
                "--steps", "12",
                "--evaluate-every", "4", "--checkpoint-every", "4", "--augment", "photo", "--threads", "1",
                "--run", run,
            ] + more, in: folder.url)
    }

    /// Pictures that nothing parts and that no run was trained on are all there to be measured.
    @Test func aNetworkFromElsewhereIsMeasuredOnAllPictures() throws {
        try write()
        #expect(try train("run").exitCode == 0)
        let exported = try Program.renorm.run(
            ["export", "run", "--to", "torch", "--output", "net.safetensors"], in: folder.url)
        #expect(exported.exitCode == 0, "\(exported.errors)")
        try write("others")
        try "cherries\nplums\n".write(
            to: folder.url.appendingPathComponent("names.txt"), atomically: true, encoding: .utf8)
        let network = [
            "--weights", "net.safetensors", "--model", "small:0.25", "--size", "16", "--mean", "0.4",
            "--deviation", "0.3", "--class-names", "names.txt", "--threads", "1",
        ]
        let result = try Program.renorm.run(
            ["evaluate", "--data", "images:others", "--log", "json"] + network, in: folder.url)
        #expect(result.events(named: "evaluation").first?["examples"] as? Int == 40, "\(result.errors)")
        let doctor = try Program.renorm.run(
            ["doctor", "--data", "images:others", "--batch-size", "8", "--log", "json"] + network,
            in: folder.url)
        let measures = try #require(doctor.events(named: "diagnosis").first, "\(doctor.errors)")
        #expect(measures["reference"] as? Int == 20 && measures["scored"] as? Int == 20)
        // What the doctor proposes can be called as it stands.
        for finding in doctor.events(named: "finding") {
            guard let command = (finding["remedy"] as? [String: Any])?["command"] as? String,
                command.hasPrefix("renorm recalibrate ")
            else { continue }
            let words = command.split(separator: " ").map(String.init).dropFirst()
            #expect(try Program.renorm.run(Array(words), in: folder.url).exitCode == 0, "\(command)")
        }
    }

    private func model(_ run: String) throws -> Data {
        try Data(contentsOf: folder.url.appendingPathComponent("\(run)/last.safetensors"))
    }

    @Test func threeCommandsLeadFromAFolderToPredictions() throws {
        try write()
        let trained = try train("run")
        try #require(trained.exitCode == 0, "\(trained.errors)")
        let list = try String(contentsOfFile: folder.path("run/pictures.csv"), encoding: .utf8)
        #expect(list.split(separator: "\n").count == 41)
        let evaluated = try Program.renorm.run(
            ["evaluate", "run", "--output", "test.csv", "--threads", "1", "--log", "json"], in: folder.url)
        try #require(evaluated.exitCode == 0, "\(evaluated.errors)")
        let result = try #require(evaluated.evaluations(of: "test").first)
        #expect(result["examples"] as? Int == 4)
        #expect(result["accuracy"] as? Double == 1)
        // The same pictures, found in a folder, get the same probabilities to the last digit.
        let predicted = try Program.renorm.run(
            ["predict", "run", "pictures", "--top", "2", "--threads", "1", "--output", "all.csv"],
            in: folder.url)
        try #require(predicted.exitCode == 0, "\(predicted.errors)")
        let all = try rows("all.csv")
        #expect(all.count == 41)
        #expect(all[0] == ["path", "prediction", "probability", "prediction_2", "probability_2", "error"])
        for row in try rows("test.csv").dropFirst() {
            let found = try #require(all.first { $0[0] == "pictures/\(row[0])" })
            #expect(found[1] == row[2])
            #expect(found[2] == (row[2] == "cherries" ? row[3] : row[4]), "\(row[0])")
        }
    }

    private func rows(_ name: String) throws -> [[String]] {
        try String(contentsOfFile: folder.path(name), encoding: .utf8).split(separator: "\n").map {
            $0.split(separator: ",", omittingEmptySubsequences: false).map(String.init)
        }
    }

    @Test func workersAndCachesChangeNoBit() throws {
        try write()
        try #require(try train("plain", ["--workers", "1"]).exitCode == 0)
        for (number, more) in [
            ["--workers", "4"], ["--cache", "memory"], ["--cache", "kept", "--workers", "4"],
            ["--cache", "kept"],
        ].enumerated() {
            let result = try train("other\(number)", more)
            #expect(result.exitCode == 0, "\(more): \(result.errors)")
            #expect(try model("other\(number)") == model("plain"), "\(more)")
        }
        #expect(try FileManager.default.contentsOfDirectory(atPath: folder.path("kept")).count == 2)
        let small = try train("small", ["--cache", "memory", "--cache-budget", "1000"])
        #expect(small.exitCode == 1 && small.errors.contains("--cache-budget"), "\(small.errors)")
        #expect(!FileManager.default.fileExists(atPath: folder.path("small")))
    }

    @Test func aKilledRunGoesOnToTheSameBits() throws {
        try write()
        try #require(try train("plain").exitCode == 0)
        let running = try Program.renorm.start(
            [
                "train", "--data", "images:pictures", "--size", "16", "--model", "small:0.25", "--batch-size",
                "8",
                "--steps", "12", "--evaluate-every", "4", "--checkpoint-every", "4", "--augment", "photo",
                "--threads",
                "1", "--run", "killed", "--workers", "3", "--cache", "kept", "--log", "json",
            ], in: folder.url)
        while running.process.isRunning, !running.text.contains("\"step\":5}") { usleep(2000) }
        kill(running.process.processIdentifier, SIGKILL)
        _ = running.finish()
        let resumed = try Program.renorm.run(["train", "--run", "killed", "--resume"], in: folder.url)
        #expect(resumed.exitCode == 0, "\(resumed.errors)")
        #expect(try model("killed") == model("plain"))
    }

    @Test func otherPicturesAreSaidToBeOthers() throws {
        try write()
        try #require(try train("run", ["--schedule", "constant"]).exitCode == 0)
        try FileManager.default.removeItem(atPath: folder.path("pictures/plums/3.bmp"))
        let resumed = try Program.renorm.run(
            ["train", "--run", "run", "--resume", "--steps", "14"], in: folder.url)
        #expect(resumed.exitCode == 1)
        #expect(resumed.errors.contains("1 missing (plums/3.bmp)"), "\(resumed.errors)")
        // Other pictures without parts are all measured; the run's own, elsewhere, are split as they were.
        try write("others")
        try FileManager.default.removeItem(atPath: folder.path("others/plums/0.bmp"))
        func examples(_ data: String) throws -> Int? {
            let result = try Program.renorm.run(
                ["evaluate", "run", "--data", data, "--threads", "1", "--log", "json"], in: folder.url)
            #expect(result.exitCode == 0, "\(result.errors)")
            return result.evaluations(of: "test").first?["examples"] as? Int
        }
        #expect(try examples("images:others") == 39)
        try write("moved")
        #expect(try examples("images:moved") == 4)
    }

    @Test func brokenPicturesAreNamedOrLeftOut() throws {
        try write()
        try Data("not a picture".utf8).write(to: folder.url.appendingPathComponent("pictures/plums/text.jpg"))
        let refused = try train("run")
        #expect(refused.exitCode == 1)
        #expect(
            refused.errors.contains("plums/text.jpg") && refused.errors.contains("is a text file"),
            "\(refused.errors)")
        #expect(refused.errors.contains("--skip-broken"))
        #expect(!FileManager.default.fileExists(atPath: folder.path("run")))
        let trained = try train("run", ["--skip-broken"])
        #expect(trained.exitCode == 0, "\(trained.errors)")
        #expect(trained.errors.contains("1 broken"), "\(trained.errors)")
        // One that cannot be read does not end a prediction.
        let predicted = try Program.renorm.run(
            ["predict", "run", "pictures/plums/text.jpg", "pictures/plums/1.bmp", "--log", "json"],
            in: folder.url)
        #expect(predicted.exitCode == 1)
        #expect(
            predicted.events(named: "failure").count == 1 && predicted.events(named: "prediction").count == 1)
        #expect(predicted.errors.contains("1 of 2 files"), "\(predicted.errors)")
    }

    @Test func aTableNamesPicturesPartsAndCameras() throws {
        try write()
        var lines = ["file;breed;set;camera"]
        for number in 0..<20 {
            let set = number < 14 ? "train" : number < 17 ? "val" : "test"
            for name in ["cherries", "plums"] {
                lines.append("pictures/\(name)/\(number).bmp;\(name);\(set);\(number % 2)")
            }
        }
        try lines.joined(separator: "\n").write(
            toFile: folder.path("list.csv"), atomically: true, encoding: .utf8)
        let trained = try train(
            "run", ["--columns", "label=breed", "--sampling", "source-blocks:1", "--log", "json"],
            data: "csv:list.csv")
        try #require(trained.exitCode == 0, "\(trained.errors)")
        let data = trained.events(named: "started").first?["data"] as? [String: Any]
        #expect(
            data?["training"] as? Int == 28 && data?["validation"] as? Int == 6 && data?["test"] as? Int == 6)
        let evaluated = try Program.renorm.run(
            ["evaluate", "run", "--threads", "1", "--log", "json"], in: folder.url)
        #expect(evaluated.evaluations(of: "test").first?["examples"] as? Int == 6, "\(evaluated.errors)")
        // A class that the network does not know is named with its line.
        try "path,label\npictures/plums/1.bmp,quince\n".write(
            toFile: folder.path("other.csv"), atomically: true, encoding: .utf8)
        let unknown = try Program.renorm.run(["evaluate", "run", "--data", "csv:other.csv"], in: folder.url)
        #expect(unknown.exitCode == 1 && unknown.errors.contains("'quince'"), "\(unknown.errors)")
    }

    @Test func optionsAboutPicturesNeedPictures() throws {
        try SyntheticImages().write(to: folder.url)
        let result = try Program.renorm.run(
            ["train", "--data", "idx:.", "--size", "32", "--run", "run"], in: folder.url)
        #expect(
            result.exitCode == 1 && result.errors.contains("--size: found 32 with --data idx:"),
            "\(result.errors)")
    }
}
