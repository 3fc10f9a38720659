import Foundation

extension NamedArrays {
    /// Reads the arrays that stand in an ONNX file or beside it, by the names of the values that they are.
    ///
    /// - Throws: `FormatError`.
    public init(onnx url: URL) throws {
        let model = try ONNXModel(reading: url)
        self.init(
            model.graph.initializers,
            metadata: Dictionary(model.metadata.map { ($0.key, $0.value) }) { $1 })
    }
}
