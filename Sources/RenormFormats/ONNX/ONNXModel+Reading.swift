import Foundation
import OrderedCollections
import RenormArrays

extension ONNXModel {
    /// Reads a file. Arrays beside it are read too, if they are in its folder.
    ///
    /// - Throws: `FormatError` if it is damaged, if it names files outside its folder, or if an array's bytes are not those of
    ///   its shape and type.
    public init(reading url: URL) throws {
        let file = try InputFile(url)
        let source = WindowedFile(file)
        var tensors = ONNXTensorReader(source, folder: url.deletingLastPathComponent())
        var message = try ProtobufReader(source, 0..<file.size, place: "the model")
        var graph: ONNXGraph?
        self.init(irVersion: 0, opsets: [:])
        while let (number, value) = try message.next() {
            switch number {
            case 1: irVersion = try message.integer(value)
            case 2: producer = try message.text(value)
            case 3: producerVersion = try message.text(value)
            case 7:
                guard graph == nil else { throw message.failure("there are two graphs") }
                graph = try ONNXGraph(message.message(value, "the graph"), &tensors)
            case 8:
                let (domain, version) = try Self.opset(message.message(value, "the operators' version"))
                opsets[domain] = version
            case 14:
                let (key, text) = try Self.entry(message.message(value, "the metadata"))
                metadata[key] = text
            default: break
            }
        }
        guard let graph else {
            throw message.failure("there is no graph: it is probably no ONNX file")
        }
        self.graph = graph
    }

    private static func opset(_ message: ProtobufReader) throws -> (String, Int) {
        var (message, domain, version) = (message, "", 1)
        while let (number, value) = try message.next() {
            switch number {
            case 1: domain = try message.text(value)
            case 2: version = try message.integer(value)
            default: break
            }
        }
        return (domain, version)
    }

    /// A key and a text.
    static func entry(_ message: ProtobufReader) throws -> (key: String, text: String) {
        var (message, key, text) = (message, "", "")
        while let (number, value) = try message.next() {
            switch number {
            case 1: key = try message.text(value)
            case 2: text = try message.text(value)
            default: break
            }
        }
        return (key, text)
    }
}

extension ONNXGraph {
    fileprivate init(_ message: ProtobufReader, _ tensors: inout ONNXTensorReader) throws {
        self.init(name: "")
        var message = message
        while let (number, value) = try message.next() {
            switch number {
            case 1:
                let node = try message.message(value, "node \(nodes.count)")
                nodes.append(try ONNXNode(node, &tensors))
            case 2: name = try message.text(value)
            case 5:
                let place = "initializer \(initializers.count)"
                let (name, array) = try tensors.read(message.message(value, place))
                guard initializers.updateValue(array, forKey: name) == nil else {
                    throw message.failure(
                        "there are two initializers '\(name.prefix(60).description.visible)'")
                }
            case 11: inputs.append(try ONNXValue(message.message(value, "input \(inputs.count)")))
            case 12: outputs.append(try ONNXValue(message.message(value, "output \(outputs.count)")))
            default: break
            }
        }
    }
}

extension ONNXNode {
    fileprivate init(_ message: ProtobufReader, _ tensors: inout ONNXTensorReader) throws {
        self.init("", [], [])
        var message = message
        while let (number, value) = try message.next() {
            switch number {
            case 1: inputs.append(try message.text(value))
            case 2: outputs.append(try message.text(value))
            case 3: name = try message.text(value)
            case 4: operation = try message.text(value)
            case 5:
                let (name, attribute) = try Self.attribute(
                    message.message(value, "an option of \(message.place)"), &tensors)
                attributes[name] = attribute
            case 7: domain = try message.text(value)
            default: break
            }
        }
        if domain == "ai.onnx" { domain = "" }
    }

    private static func attribute(
        _ message: ProtobufReader, _ tensors: inout ONNXTensorReader
    ) throws -> (String, ONNXAttribute) {
        let most = 1 << 20
        var (message, name) = (message, "")
        var (single, type): (ONNXAttribute?, Int?)
        var (floats, integers, texts) = ([Float](), [Int](), [String]())
        while let (number, value) = try message.next() {
            switch number {
            case 1: name = try message.text(value)
            case 2: single = .float(try message.float(value))
            case 3: single = .integer(try message.integer(value))
            case 4: single = .text(try message.text(value))
            case 5: single = .tensor(try tensors.read(message.message(value, message.place)).array)
            case 7: try message.appendFloats(value, to: &floats, atMost: most)
            case 8: try message.appendIntegers(value, to: &integers, atMost: most)
            case 9: texts.append(try message.text(value))
            case 20: type = try message.integer(value)
            default: break
            }
        }
        // The type decides where it is given: a row without values and a number of 0 are not written.
        switch type {
        case 1: return (name, single ?? .float(0))
        case 2: return (name, single ?? .integer(0))
        case 3: return (name, single ?? .text(""))
        case 4: return (name, single ?? .other)
        case 6: return (name, .floats(floats))
        case 7: return (name, .integers(integers))
        case 8: return (name, .texts(texts))
        case nil, 0:
            if let single { return (name, single) }
            if !floats.isEmpty { return (name, .floats(floats)) }
            return (name, texts.isEmpty ? .integers(integers) : .texts(texts))
        default: return (name, .other)
        }
    }
}

extension ONNXValue {
    fileprivate init(_ message: ProtobufReader) throws {
        self.init("", type: 0, shape: nil)
        var message = message
        while let (number, value) = try message.next() {
            switch number {
            case 1: name = try message.text(value)
            case 2:
                var type = try message.message(value, message.place)
                while let (number, value) = try type.next() {
                    if number == 1 { try readTensor(type.message(value, message.place)) }
                }
            default: break
            }
        }
    }

    private mutating func readTensor(_ message: ProtobufReader) throws {
        var message = message
        while let (number, value) = try message.next() {
            switch number {
            case 1: type = try message.integer(value)
            case 2:
                var (extents, list) = ([Extent](), try message.message(value, message.place))
                while let (number, value) = try list.next() {
                    guard number == 1 else { continue }
                    guard extents.count < TensorShape.largestRank else {
                        throw message.failure("a shape has more than \(TensorShape.largestRank) axes")
                    }
                    extents.append(try Self.extent(list.message(value, message.place)))
                }
                shape = extents
            default: break
            }
        }
    }

    private static func extent(_ message: ProtobufReader) throws -> Extent {
        var (message, extent) = (message, Extent.named(""))
        while let (number, value) = try message.next() {
            switch number {
            case 1: extent = .fixed(try message.integer(value))
            case 2: extent = .named(try message.text(value))
            default: break
            }
        }
        return extent
    }
}
