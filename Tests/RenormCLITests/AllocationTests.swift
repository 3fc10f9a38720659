import Foundation
import RenormFormats
import Testing

/// A step after the first allocates nothing: memory is planned when it is compiled.
struct AllocationTests {
    struct Report: Decodable {
        var isCounted: Bool
        var ours: Int
        var others: Int
        var large: Int
        var instructionSet: String
        var examples: [String]
    }

    @Test(arguments: [("small", 4, 1), ("resnet18", 2, 1), ("small", 2, 2)])
    func stepsAllocateNothing(network: String, batch: Int, accumulation: Int) throws {
        let result = try Program("AllocationProbe").run([network, "\(batch)", "\(accumulation)"])
        #expect(result.exitCode == 0, "\(result.errors)")
        let report = try JSONCoder.decode(Report.self, from: Data(result.output.utf8))
        guard report.isCounted else { return }
        #expect(report.ours == 0, "\(report.examples.joined(separator: "\n"))")
        // Without AVX-512 each of oneDNN's matrix products takes 16 KiB.
        if report.instructionSet.contains("avx512") {
            #expect(report.large == 0, "\(report.examples.joined(separator: "\n"))")
        }
        // That oneDNN's own are seen shows that the counter counts.
        #expect(report.others > 0)
    }
}
