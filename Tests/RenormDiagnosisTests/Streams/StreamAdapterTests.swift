import Renorm
import RenormTestSupport
import Testing

/// Methods against the same formulas in PyTorch and float64 (`scripts/fixtures/streams.py`).
@Suite struct StreamAdapterTests {
    private static let methods = [
        "source", "batch", "adabn", "blend", "ema", "rotta", "note", "delta", "ttn", "lame", "tent rate=0.1",
        "sar rate=0.1 margin=0.3", "bayes window=5 recent=0", "bayes window=5 recent=3",
        "bayes window=5 recent=0 floor=0",
    ]

    private static func name(of method: String) -> String {
        if method.contains("recent=3") { return "bayes recent" }
        if method.contains("floor=0") { return "bayes floor" }
        return String(method.prefix { $0 != " " })
    }

    private func check(
        _ text: String, engine: any Engine, kind: any NormalizationKind = .batch, tolerance: Double
    ) throws {
        let setup = try StreamFixture()
        let model = try setup.model.convertingPopulations(to: .batchRenorm)
        let adapter = try StreamAdapter(
            kind is BatchRenormalization ? model : setup.model, source: setup.source(),
            method: StreamMethods.method(parsing: text), engine: engine)
        let found = try StreamFixture.run(adapter, setup.stream)
        let expected = setup.fixture["\(Self.name(of: text)).probabilities"].doubles
        let worst = zip(found, expected).map { abs($0 - $1) }.max()!
        #expect(found.count == expected.count && worst < tolerance, "\(text): off by \(worst)")
    }

    @Test(arguments: methods) func isWhatPyTorchComputes(method: String) throws {
        try check(method, engine: ReferenceEngine(), tolerance: 3e-5)
    }

    @Test(arguments: methods) func isTheSameOnTheFastEngine(method: String) throws {
        try check(method, engine: OneDNNEngine(), tolerance: 1e-4)
    }

    @Test(arguments: ["bayes window=5 recent=0", "adabn", "tent rate=0.1"])
    func batchRenormIsTheSame(method: String) throws {
        try check(method, engine: ReferenceEngine(), kind: .batchRenorm, tolerance: 1e-4)
    }

    @Test func sourceStatisticsAreThose() throws {
        let setup = try StreamFixture()
        let source = try setup.source()
        #expect(source.images == 40 && source.layers.map(\.path) == ["bn1", "bn2"])
        for (place, layer) in source.layers.enumerated() {
            func worst(_ found: [Double], _ name: String) -> Double {
                zip(found, setup.fixture["source.\(place).\(name)"].doubles).map { abs($0 - $1) }.max()!
            }
            #expect(worst(layer.meanVariance.doubles, "spread") < 1e-5)
            #expect(worst(layer.center.doubles, "center") < 1e-5)
            // UΛUᵀ is the covariance.
            let (basis, values) = (layer.basis.doubles, layer.eigenvalues.doubles)
            let (width, known) = (layer.basis.shape[0], values.count)
            let matrix = (0..<width * width).map { place in
                (0..<known).reduce(0) { sum, k in
                    sum + basis[place / width * known + k] * values[k] * basis[place % width * known + k]
                }
            }
            #expect(worst(matrix, "covariance") < 1e-5)
        }
    }

    @Test(arguments: [ReferenceEngine() as any Engine, try! OneDNNEngine()])
    func stateGoesOnToTheBit(engine: any Engine) throws {
        let setup = try StreamFixture()
        for text in Self.methods {
            let method = try StreamMethods.method(parsing: text)
            func adapter() throws -> StreamAdapter {
                try StreamAdapter(
                    setup.model, source: setup.source(), method: method, engine: engine)
            }
            let whole = try adapter()
            let expected = try StreamFixture.run(whole, setup.stream)
            let first = try adapter()
            var found = try StreamFixture.run(first, setup.stream, to: 2)
            let second = try adapter()
            try second.restore(first.state)
            found += try StreamFixture.run(second, setup.stream, from: 2)
            #expect((found == expected) == true, "\(text)")
            #expect((try second.state == whole.state) == true, "\(text)")
            // And from the beginning again.
            try second.reset()
            #expect((try StreamFixture.run(second, setup.stream) == expected) == true, "\(text)")
        }
    }

    @Test func withoutAShiftNothingChanges() throws {
        let setup = try StreamFixture()
        let source = try StreamAdapter(setup.model, method: SourceAverages(), engine: ReferenceEngine())
        let filter = try StreamAdapter(setup.model, source: setup.source(), engine: ReferenceEngine())
        var worst = 0.0
        for start in stride(from: 0, to: 40, by: 4) {
            let batch = setup.sourceImages.rows(start..<start + 4)
            for (a, b) in zip(try source.predict(batch), try filter.predict(batch)) {
                worst = max(worst, zip(a, b).map { abs($0 - $1) }.max()!)
            }
        }
        // Batch statistics differ by more than ten times as much.
        #expect(worst < 0.05, "by \(worst)")
    }

    @Test func aNotANumberChangesNothing() throws {
        let setup = try StreamFixture()
        for text in Self.methods where !["source", "batch", "blend", "note", "lame"].contains(text) {
            let adapter = try StreamAdapter(
                setup.model, source: setup.source(), method: StreamMethods.method(parsing: text),
                engine: ReferenceEngine())
            _ = try adapter.predict(setup.stream.rows(0..<3))
            let before = try adapter.state
            var broken = setup.stream.rows(3..<6)
            broken.withMutableValues(of: Float.self) { $0[5] = .nan }
            #expect(throws: StreamError.self) { try adapter.predict(broken) }
            #expect((try adapter.state == before) == true, "\(text)")
        }
    }

    @Test func saysWhatIsWrong() throws {
        let setup = try StreamFixture()
        let engine = ReferenceEngine()
        #expect(throws: StreamError.noSource(method: "bayes")) {
            try StreamAdapter(setup.model, engine: engine)
        }
        let plain = try Model(
            Sequential {
                GlobalAveragePool(); Dense(2)
            }, input: [4, 4, 2])
        #expect(throws: StreamError.noAverages(known: [])) {
            try StreamAdapter(plain, method: SourceAverages(), engine: engine)
        }
        var other = try setup.source()
        other.layers.removeLast()
        #expect(throws: StreamError.foreignSource(path: "bn2", found: "nothing", expected: "4 channels")) {
            try StreamAdapter(setup.model, source: other, engine: engine)
        }
        let adapter = try StreamAdapter(setup.model, method: CumulativeAverages(), engine: engine)
        #expect(throws: StreamError.images(found: [2, 5, 4, 2], expected: [2, 4, 4, 2])) {
            try adapter.predict(NDArray(zeros: [2, 5, 4, 2]))
        }
        #expect(throws: StreamError.self) { try adapter.predict(NDArray(zeros: [0, 4, 4, 2])) }
        let state = try StreamAdapter(setup.model, method: ExponentialAverages(), engine: engine).state
        #expect(throws: StreamError.self) { try adapter.restore(state) }
        #expect(throws: StreamError.self) { try adapter.restore(NamedArrays()) }
        #expect(throws: StreamError.self) { try SourceStatistics(NamedArrays()) }
        #expect(throws: Fault.self) { try StreamMethods.method(parsing: "bays") }
        #expect(throws: Fault.self) { try StreamMethods.method(parsing: "ema rate=2") }
        #expect(throws: Fault.self) { try StreamMethods.method(parsing: "ema speed=1") }
    }

    @Test func methodsKeepTheirTexts() throws {
        for name in StreamMethods.table.names {
            #expect(try StreamMethods.method(parsing: name).description == name)
        }
        #expect(try StreamMethods.method(parsing: "ema  rate=0.25").description == "ema rate=0.25")
        #expect(try StreamMethods.method(parsing: "blend images=16").description == "blend")
    }
}
