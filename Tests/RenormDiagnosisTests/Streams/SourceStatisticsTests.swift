import Foundation
import Renorm
import RenormTestSupport
import Testing

/// The posterior of a shift against the prototype's formulas in PyTorch, and files.
@Suite struct SourceStatisticsTests {
    private func posterior(_ fixture: Fixture, known: Int) throws -> [String: [Double]] {
        let covariance = fixture["posterior.covariance"].doubles
        let n = 6
        let eigen = SymmetricEigenvectors(of: covariance, count: n)
        let builder = GraphBuilder()
        let variables = Dictionary(
            uniqueKeysWithValues: ShiftPosterior.variables(absence: 0.88).map { variable in
                guard case .fixed(let array) = variable.initial else { preconditionFailure("fixed") }
                return (variable.name, array)
            })
        let posterior = ShiftPosterior(
            grid: builder.input("grid", shape: [1, 8]), prior: builder.input("prior", shape: [1, 8]),
            tempering: 0.5)
        let a = builder.input("a", shape: [5, n])
        let noise = ShiftPosterior.Noise(
            basis: builder.input("basis", shape: [n, known]),
            variances: builder.input("values", shape: [known, 1]),
            others: builder.input("others", shape: []))
        let (shift, absence) = try posterior.shift(a, noise)
        builder.fetch(shift, as: "shift")
        builder.fetch(absence, as: "absence")
        builder.fetch(
            try posterior.gains(a, variances: builder.input("diagonal", shape: [n, 1]), trust: 0.3),
            as: "gains")
        let engine = ReferenceEngine()
        let others = eigen.values[known...]
        let basis = (0..<n * known).map { Float(eigen.vectors[$0 % known * n + $0 / known]) }
        let results = try engine.compile(builder.graph).run(
            [
                "grid": variables["grid"]!, "prior": variables["prior"]!,
                "a": fixture["posterior.a"].converted(to: .f32), "basis": NDArray(basis, shape: [n, known]),
                "values": NDArray(eigen.values[..<known].map { Float($0) }, shape: [known, 1]),
                "others": NDArray(
                    scalar: Float(others.isEmpty ? 0 : others.reduce(0, +) / Double(others.count))),
                "diagonal": NDArray((0..<n).map { Float(covariance[$0 * n + $0]) }, shape: [n, 1]),
            ], on: engine.makeStore(Variables()))
        return results.mapValues(\.doubles)
    }

    private func expectNear(_ found: [Double]?, _ expected: NDArray, _ tolerance: Double) {
        let expected = expected.doubles
        let worst = zip(found ?? [], expected).map { abs($0 - $1) / (abs($1) + 1e-3) }.max() ?? 1
        #expect(found?.count == expected.count && worst < tolerance, "off by \(worst)")
    }

    @Test func theMeanOfAShiftIsThePrototypes() throws {
        let fixture = try Fixture("streams")
        let found = try posterior(fixture, known: 6)
        expectNear(found["shift"], fixture["posterior.shift"], 1e-3)
        expectNear(found["absence"], fixture["posterior.absence"], 1e-3)
        expectNear(found["gains"], fixture["posterior.gains"], 1e-4)
        let eigen = SymmetricEigenvectors(of: fixture["posterior.covariance"].doubles, count: 6)
        #expect(
            zip(eigen.values, fixture["posterior.eigenvalues"].doubles).allSatisfy { abs($0 - $1) < 1e-12 })
    }

    @Test func ofAFewDirectionsTheOthersShareOneVariance() throws {
        let fixture = try Fixture("streams")
        let found = try posterior(fixture, known: 3)
        expectNear(found["shift"], fixture["posterior.low_rank.shift"], 1e-3)
        expectNear(found["absence"], fixture["posterior.low_rank.absence"], 1e-3)
    }

    @Test func filesKeepThem() throws {
        let setup = try StreamFixture()
        var source = try setup.source(rank: 5)
        source.limit = 25
        let folder = FileManager.default.temporaryDirectory.appendingPathComponent(
            "streams-\(UInt64.random(in: 0...UInt64.max))")
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(at: folder) }
        let url = folder.appendingPathComponent("source.safetensors")
        try source.arrays.write(safetensors: url)
        let read = try SourceStatistics(NamedArrays(safetensors: url))
        #expect((read.arrays == source.arrays) == true)
        #expect(read.limit == 25 && read.images == 40 && read.layers[0].eigenvalues.elementCount == 5)
        for name in source.arrays.arrays.keys {
            var broken = source.arrays
            broken.arrays[name] = NDArray([Float.nan], shape: [1])
            #expect(throws: StreamError.self, "\(name)") { try SourceStatistics(broken) }
        }
    }

    @Test func classMeansAndSensitivityAreMeasured() throws {
        let setup = try StreamFixture()
        let labels = (0..<40).map { Int32($0 % 4) }
        let source = try SourceStatistics.measure(
            setup.model, on: ImageBatches(setup.sourceImages), labels: labels, engine: ReferenceEngine())
        let means = try #require(source.layers[0].classMeans).doubles
        #expect(means.count == 24)
        // Classes are equally many, so that their means have the mean 0 of all.
        for k in 0..<6 { #expect(abs((0..<4).reduce(0) { $0 + means[$1 * 6 + k] }) < 1e-4) }
        var changed = setup.sourceImages.rows(0..<12)
        changed.withMutableValues(of: Float.self) {
            for place in $0.indices { $0[place] = 0.5 * $0[place] + 0.3 }
        }
        let sensitive = try source.measuringSensitivity(
            of: setup.model, images: setup.sourceImages.rows(0..<12), corrupted: changed,
            labels: Array(labels[..<12]),
            engine: ReferenceEngine())
        let parts = sensitive.layers.flatMap { $0.sensitivity!.doubles }
        #expect(parts.min() == 0 && parts.max() == 1 && parts.count == 7)
        // What does not change has no sensitivity.
        let none = try source.measuringSensitivity(
            of: setup.model, images: setup.sourceImages.rows(0..<4),
            corrupted: setup.sourceImages.rows(0..<4),
            labels: Array(labels[..<4]), engine: ReferenceEngine())
        #expect(none.layers.flatMap { $0.sensitivity!.doubles }.count == 7)
    }

    @Test func theLimitIsCalibrated() throws {
        let setup = try StreamFixture()
        let labels = (0..<40).map { Int32($0 / 10) }
        let (calibrated, harms) = try setup.source().calibrated(
            setup.model, on: setup.sourceImages, labels: labels, tolerance: 1, engine: ReferenceEngine())
        #expect(calibrated.limit == 200 && harms.count == 1)
        let (careful, all) = try setup.source().calibrated(
            setup.model, on: setup.sourceImages, labels: labels, tolerance: -1, engine: ReferenceEngine())
        #expect(careful.limit == 12 && all.map(\.limit) == SourceStatistics.limits)
    }
}
