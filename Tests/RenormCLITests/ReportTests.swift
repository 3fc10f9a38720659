import Foundation
import Testing

/// Watching, freezing statistics and reports, as a user has them.
@Suite(.serialized)
struct ReportTests {
    let folder: TemporaryFolder
    let data: String

    init() throws {
        folder = try TemporaryFolder()
        let images = folder.url.appendingPathComponent("images")
        try FileManager.default.createDirectory(at: images, withIntermediateDirectories: true)
        try SyntheticImages().write(to: images)
        data = "idx:\(images.path)"
    }

    private func train(_ run: String, _ more: [String]) throws -> Program.Result {
        try Program.renorm.run(
            [
                "train", "--data", data, "--model", "small:0.25", "--batch-size", "16", "--steps", "20",
                "--validation", "40", "--learning-rate", "0.05", "--evaluate-every", "10", "--threads", "1",
                "--run", folder.path(run),
            ] + more)
    }

    private func text(_ path: String) throws -> String {
        try String(contentsOf: URL(fileURLWithPath: folder.path(path)), encoding: .utf8)
    }

    @Test func aWatchedRunIsReported() throws {
        let result = try train("a", ["--watch", "5", "--tensorboard", "--log", "json"])
        try #require(result.exitCode == 0, "\(result.errors)")
        let watches = result.events(named: "watch")
        #expect(watches.compactMap { $0["step"] as? Int } == [5, 10, 15, 20])
        let layers = try #require(watches.last?["layers"] as? [[String: Any]])
        #expect(layers.compactMap { $0["path"] as? String } == ["bn1", "bn2", "bn3", "bn4", "bn5"])
        #expect(layers.allSatisfy { ($0["r"] as? [Double])?.count == 13 && $0["difference"] is Double })
        let names = try FileManager.default.contentsOfDirectory(atPath: folder.path("a/tensorboard"))
        #expect(names.count == 1 && names[0].contains("tfevents"))

        let report = try Program.renorm.run(["report", folder.path("a"), "--threads", "1"])
        #expect(report.exitCode == 0, "\(report.errors)")
        let page = try text("a/report.html")
        #expect(page.contains("<table class=\"confusion\">") && page.contains("bn5, step 20:"))
        #expect(page.contains("norm: "), "config.yml")

        let board = try Program.renorm.run(
            ["report", folder.path("a"), "--tensorboard", folder.path("tb"), "--threads", "1"])
        #expect(board.exitCode == 0, "\(board.errors)")
        #expect(try FileManager.default.contentsOfDirectory(atPath: folder.path("tb/a")).count == 1)
    }

    @Test func aReportWithoutItsDataLeavesOutWhatNeedsThem() throws {
        try #require(try train("b", []).exitCode == 0)
        try FileManager.default.moveItem(
            atPath: folder.path("images"), toPath: folder.path("elsewhere"))
        defer {
            try? FileManager.default.moveItem(atPath: folder.path("elsewhere"), toPath: folder.path("images"))
        }
        let report = try Program.renorm.run(["report", folder.path("b"), "--output", folder.path("b.html")])
        #expect(report.exitCode == 0 && report.errors.contains("was not measured"), "\(report.errors)")
        #expect(try !text("b.html").contains("<table class=\"confusion\">"))
        let named = try Program.renorm.run(
            [
                "report", folder.path("b"), "--output", folder.path("b.html"), "--data",
                "idx:\(folder.path("elsewhere"))",
            ])
        #expect(named.exitCode == 0, "\(named.errors)")
        #expect(try text("b.html").contains("<table class=\"confusion\">"))
        let curves = try Program.renorm.run(
            ["report", folder.path("b"), "--output", folder.path("b.html"), "--curves-only"])
        #expect(curves.exitCode == 0 && curves.errors.isEmpty, "\(curves.errors)")
    }

    @Test func aPartOfTheRunIsAStep() throws {
        let result = try train("c", ["--freeze-statistics-from", "0.75", "--log", "json", "--norm", "batch"])
        try #require(result.exitCode == 0, "\(result.errors)")
        let stages = result.events(named: "stage")
        #expect(stages.compactMap { $0["step"] as? Int } == [0, 15])
        #expect(stages.compactMap { $0["statisticsAreFrozen"] as? Bool } == [false, true])
        #expect(try text("c/config.yml").contains("freeze-statistics-from: 0.75"))
        let resumed = try Program.renorm.run([
            "train", "--resume", "--run", folder.path("c"), "--steps", "20",
        ])
        #expect(resumed.exitCode == 0, "\(resumed.errors)")
    }

    @Test(arguments: [
        (["--freeze-statistics-from", "1.5"], "--freeze-statistics-from"),
        (["--freeze-statistics-from", "0"], "--freeze-statistics-from"),
        (["--freeze-statistics-from", "soon"], "--freeze-statistics-from"), (["--watch", "0"], "--watch"),
        (["--watch", "5", "--norm", "group:4"], "no moving averages"),
        (["--freeze-statistics-from", "0.5", "--norm", "layer"], "no moving averages"),
    ])
    func whatCannotBeIsRefused(_ arguments: [String], _ part: String) throws {
        let result = try train("d", arguments)
        #expect(result.exitCode != 0 && result.errors.contains(part), "\(result.errors)")
    }

    @Test func aReportOfNothingIsRefused() throws {
        let nowhere = try Program.renorm.run(["report", folder.path("nowhere")])
        #expect(
            nowhere.exitCode == 1 && nowhere.errors.contains("There is no checkpoint"), "\(nowhere.errors)")
        #expect(try Program.renorm.run(["report"]).exitCode != 0)
        let both = try Program.renorm.run(["report", "a", "--output", "x.html", "--tensorboard", "y"])
        #expect(both.exitCode != 0 && both.errors.contains("one of them"))
    }
}
