import Foundation
import RenormArrays

extension ONNXModel {
    /// Writes a file: all of it or, if anything fails, nothing. Equal contents give equal bytes.
    ///
    /// - Throws: `FormatError`, also where it would be larger than the 2 GiB that the format allows.
    public func write(to url: URL) throws {
        let message = message
        guard message.byteCount < Int(Int32.max) else {
            throw FormatError.unwritable(
                path: url.path, byteCount: message.byteCount, reason: "an ONNX file has at most 2 GiB")
        }
        try AtomicFile.write(to: url, byteCount: message.byteCount) { writer in
            for piece in message.pieces {
                switch piece {
                case .bytes(let bytes): try bytes.withUnsafeBytes { try writer.write($0) }
                case .array(let array): try array.withUnsafeBytes { try writer.write($0) }
                }
            }
        }
    }

    private var message: ProtobufWriter {
        var result = ProtobufWriter()
        result.integer(1, irVersion)
        result.text(2, producer)
        result.text(3, producerVersion)
        result.message(7, graph.message)
        for (domain, version) in opsets {
            var entry = ProtobufWriter()
            entry.text(1, domain)
            entry.integer(2, version)
            result.message(8, entry)
        }
        for (key, text) in metadata {
            var entry = ProtobufWriter()
            entry.text(1, key)
            entry.text(2, text)
            result.message(14, entry)
        }
        return result
    }
}

extension ONNXGraph {
    fileprivate var message: ProtobufWriter {
        var result = ProtobufWriter()
        for node in nodes { result.message(1, node.message) }
        result.text(2, name)
        for (name, array) in initializers { result.message(5, array.message(name)) }
        for input in inputs { result.message(11, input.message) }
        for output in outputs { result.message(12, output.message) }
        return result
    }
}

extension ONNXNode {
    fileprivate var message: ProtobufWriter {
        var result = ProtobufWriter()
        // An input that is left out is an empty text, which has to be there.
        for input in inputs { result.bytes(1, Array(input.utf8)) }
        for output in outputs { result.bytes(2, Array(output.utf8)) }
        result.text(3, name)
        result.text(4, operation)
        for (name, attribute) in attributes { result.message(5, attribute.message(name)) }
        result.text(7, domain)
        return result
    }
}

extension ONNXAttribute {
    fileprivate func message(_ name: String) -> ProtobufWriter {
        var result = ProtobufWriter()
        result.text(1, name)
        switch self {
        case .float(let value):
            result.float(2, value)
            result.integer(20, 1)
        case .integer(let value):
            result.integer(3, value)
            result.integer(20, 2)
        case .text(let value):
            result.bytes(4, Array(value.utf8))
            result.integer(20, 3)
        case .tensor(let array):
            result.message(5, array.message(""))
            result.integer(20, 4)
        case .floats(let values):
            for value in values { result.float(7, value) }
            result.integer(20, 6)
        case .integers(let values):
            for value in values { result.integer(8, value) }
            result.integer(20, 7)
        case .texts(let values):
            for value in values { result.bytes(9, Array(value.utf8)) }
            result.integer(20, 8)
        case .other: break
        }
        return result
    }
}

extension NDArray {
    fileprivate func message(_ name: String) -> ProtobufWriter {
        var result = ProtobufWriter()
        result.integers(1, shape.dimensions)
        result.integer(2, ONNXTensorType.number(type))
        result.text(8, name)
        result.array(9, self)
        return result
    }
}

extension ONNXValue {
    fileprivate var message: ProtobufWriter {
        var tensor = ProtobufWriter()
        tensor.integer(1, type)
        if let shape {
            var list = ProtobufWriter()
            for extent in shape {
                var entry = ProtobufWriter()
                switch extent {
                case .fixed(let count): entry.integer(1, count)
                case .named(let name): entry.text(2, name)
                }
                list.message(1, entry)
            }
            tensor.message(2, list)
        }
        var type = ProtobufWriter()
        type.message(1, tensor)
        var result = ProtobufWriter()
        result.text(1, name)
        result.message(2, type)
        return result
    }
}
