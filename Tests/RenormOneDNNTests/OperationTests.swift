import RenormArrays
import RenormEngines
import RenormGraphs
import RenormOneDNN
import RenormTestSupport
import Testing

/// Every operation, and its gradient, against the reference.
@Suite struct OperationTests {
    @Test(arguments: OperationCase.all)
    func agreesWithReference(_ operation: OperationCase) throws {
        let expected = try operation.results(on: ReferenceEngine(precision: .f64))
        for (threads, isFused) in [(1, false), (2, true)] {
            let engine = try OneDNNEngine(threads: threads, isFused: isFused)
            let found = try operation.results(on: engine)
            for (name, value) in expected {
                let problem = mismatch(
                    found[name]!, value, tolerance: 5e-5, absolute: 1e-6,
                    of: "\(name), \(isFused ? "fused" : "not fused")")
                #expect(problem == nil)
            }
        }
    }

    /// Equal values, as quantized images and ReLUs give: the gradient goes to the first in row order.
    @Test(arguments: [1, 3, 16, 17, 32, 40])
    func tiesOfMaximumGoToTheFirst(_ channels: Int) throws {
        let values = randomArray([3, 9, 8, channels], deviation: 1.2)
        let ties = NDArray(values.doubles.map { max($0.rounded(), 0) }, shape: values.shape)
        for (window, stride, padding) in [(2, 2, 0), (3, 2, 1), (3, 1, 1)] {
            let options = PoolingOptions(
                window: [window, window], strides: [stride, stride],
                padding: [Int](repeating: padding, count: 4))
            let operation = OperationCase("maxPool", at: [ties]) { try $0[0].maxPool(options) }
            let expected = try operation.results(on: ReferenceEngine())
            let found = try operation.results(on: OneDNNEngine(threads: 2))
            #expect(found["y"] == expected["y"])
            #expect(mismatch(found["gradient 0"]!, expected["gradient 0"]!, tolerance: 1e-6) == nil)
        }
    }

    /// Not a number wins over everything, and the first of them gets the gradient.
    @Test(arguments: [1, 17, 32])
    func maximumKeepsNaN(_ channels: Int) throws {
        var x = randomArray([2, 6, 7, channels], type: .f32)
        x.withMutableValues(of: Float.self) { values in
            for index in stride(from: 3, to: values.count, by: 29) { values[index] = .nan }
            for index in stride(from: 5, to: values.count, by: 31) { values[index] = -.infinity }
        }
        let builder = GraphBuilder()
        let input = builder.input("x", shape: x.shape)
        let y = try input.maxPool(PoolingOptions(window: [3, 2], strides: [2, 2], padding: [1, 1, 0, 1]))
        builder.fetch(y, as: "y")
        builder.fetch(try builder.gradients(of: y.sum(), for: [input])[0], as: "dx")
        let (engine, reference) = (try OneDNNEngine(threads: 2), ReferenceEngine())
        let found = try engine.compile(builder.graph).run(["x": x], on: engine.makeStore(Variables()))
        let expected = try reference.compile(builder.graph).run(
            ["x": x], on: reference.makeStore(Variables()))
        for name in ["y", "dx"] { #expect(mismatch(found[name]!, expected[name]!, tolerance: 0) == nil) }
    }

    /// Windows of more cells than our own pass takes.
    @Test func hugeWindowsPool() throws {
        let operation = OperationCase("maxPool", at: [randomArray([2, 20, 18, 5])]) {
            try $0[0].maxPool(PoolingOptions(window: [17, 16], strides: [2, 1]))
        }
        let expected = try operation.results(on: ReferenceEngine())
        let found = try operation.results(on: OneDNNEngine(threads: 2))
        for (name, value) in expected { #expect(mismatch(found[name]!, value, tolerance: 1e-6) == nil) }
    }

    @Test func bytesAndIntegersConvert() throws {
        let builder = GraphBuilder()
        let (bytes, integers) = (
            builder.input("bytes", shape: [2, 3], type: .u8),
            builder.input("integers", shape: [2], type: .i32)
        )
        builder.fetch(bytes.converted(to: .f32), as: "numbers")
        builder.fetch(try bytes.converted(to: .f32) / 255, as: "scaled")
        builder.fetch(bytes.converted(to: .i32), as: "wide")
        builder.fetch(integers.converted(to: .u8), as: "narrow")
        builder.fetch(try bytes.slice(starts: [0, 1], shape: [2, 2]), as: "part")
        let feeds = [
            "bytes": NDArray([0, 1, 2, 127, 128, 255] as [UInt8], shape: [2, 3]),
            "integers": NDArray([7, 300] as [Int32], shape: [2]),
        ]
        let (engine, reference) = (try OneDNNEngine(threads: 2), ReferenceEngine())
        let found = try engine.compile(builder.graph).run(feeds, on: engine.makeStore(Variables()))
        let expected = try reference.compile(builder.graph).run(feeds, on: reference.makeStore(Variables()))
        #expect(found == expected)
    }

    @Test func randomNumbersAreTheReferences() throws {
        let builder = GraphBuilder()
        builder.fetch(
            builder.uniform(shape: [1001], seed: 5, stream: "dropout", counter: builder.step), as: "u")
        let (engine, reference) = (try OneDNNEngine(threads: 2), ReferenceEngine())
        let (a, b) = (try engine.compile(builder.graph), try reference.compile(builder.graph))
        let (stores) = (try engine.makeStore(Variables()), try reference.makeStore(Variables()))
        for step in [0, 1, 70000] {
            #expect(try a.run(step: step, on: stores.0) == b.run(step: step, on: stores.1))
        }
    }

    @Test func unsupportedTypesAreNamed() throws {
        let builder = GraphBuilder()
        builder.path = "layer"
        let x = builder.input("x", shape: [2], type: .f64)
        builder.fetch(try x + x, as: "y")
        let engine = try OneDNNEngine(threads: 1)
        let error = #expect(throws: EngineError.self) { try engine.compile(builder.graph) }
        #expect(
            error?.description
                == "input at 'layer': the engine 'onednn' has no f64 here. "
                + "Change the layer's options, or use another engine.")
    }
}
