import Foundation
import RenormFormats
import Testing

/// What is planned is what is there.
@Suite struct MemoryTests {
    private struct Measured: Decodable {
        var planned: Double
        var real: Double
    }

    @Test(
        .enabled(if: FileManager.default.fileExists(atPath: "/proc/self/status"), "only Linux tells"),
        arguments: [["fast"], ["small"], ["small", "recompute"]])
    func theRealPeakIsWithinATenthOfThePlannedOne(_ options: [String]) throws {
        let result = try Program("MemoryProbe").run(["resnet18", "160", "16"] + options)
        #expect(result.exitCode == 0, "\(result.errors)")
        let measured = try JSONCoder.decode(Measured.self, from: Data(result.output.utf8))
        #expect(abs(measured.real / measured.planned - 1) <= 0.1, "\(result.output)")
    }

    @Test func describeTellsWhatTheMemoryIsFor() throws {
        func planned(_ options: [String]) throws -> [String: Int] {
            let result = try Program.renorm.run(
                ["describe", "--model", "resnet18", "--image", "32x32x3", "--log", "json"] + options)
            let description = try #require(result.events(named: "description").first)
            let memory = try #require(description["plannedMemory"] as? [String: Any])
                .compactMapValues { $0 as? Int }
            #expect(description["plannedByteCount"] as? Int == memory.values.reduce(0, +))
            return memory
        }
        let (fast, small) = (try planned([]), try planned(["--memory", "small"]))
        let sections = try planned(["--memory", "small", "--recompute"])
        #expect(fast["variables"] == small["variables"])
        #expect(
            small["activations"]! < fast["activations"]! && sections["activations"]! < small["activations"]!)
    }
}
