import Renorm
import Testing

/// What no machine has is refused before it is asked for.
@Suite struct MemoryLimitTests {
    private static let engines: [any Engine] =
        [ReferenceEngine()] + ((try? OneDNNEngine(threads: 1)).map { [$0] } ?? [])

    @Test(arguments: engines)
    func terabytesAreRefusedInWords(engine: any Engine) throws {
        let builder = GraphBuilder()
        let x = builder.input("x", shape: [1])
        // Results, and values on the way to them.
        let large = try x.broadcast(to: [1 << 40])
        builder.fetch(large, as: "large")
        builder.fetch(try (large * 2).sum(), as: "sum")
        let executable = try engine.compile(builder.graph)
        let store = try engine.makeStore(Variables())
        let error = try #require(throws: EngineError.self) {
            try executable.run(["x": NDArray([1] as [Float], shape: [1])], on: store)
        }
        guard case .memory(let needed, _) = error else {
            Issue.record("\(error)")
            return
        }
        #expect(needed >= 4 << 40)
        #expect(error.description.contains("MiB"), "\(error)")
    }
}
