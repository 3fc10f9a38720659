import Foundation
import OrderedCollections

extension JSONValue {
    /// The JSON of a value that can be encoded. The keys of objects are in the order in which they are encoded: for the
    /// compiler's own coding that is the order of declaration.
    ///
    /// URLs become their text, dates ISO 8601, data base 64, and integers that do not fit into 64 bits with a sign strings
    /// of digits.
    ///
    /// - Parameter first: members to put before those of the value, which must then be an object.
    /// - Throws: what the value's `encode(to:)` throws; `EncodingError` if it encodes nothing, or no object after `first`.
    public init(encoding value: some Encodable, after first: OrderedDictionary<String, JSONValue> = [:])
        throws
    {
        let node = JSONNode()
        if !first.isEmpty { node.content = .object(first.mapValues { JSONNode(.value($0)) }) }
        let encoder = NodeEncoder(node: node, codingPath: [])
        if let special = specialValue(value) {
            node.content = .value(special)
        } else {
            try value.encode(to: encoder)
        }
        guard let result = node.json, first.isEmpty || result.isObject else {
            throw EncodingError.invalidValue(
                value, .init(codingPath: [], debugDescription: "\(type(of: value)) encodes no JSON object"))
        }
        self = result
    }

    fileprivate var isObject: Bool {
        if case .object = self { return true }
        return false
    }
}

/// A place in a text that is being put together: containers that the standard protocols hand out share it.
private final class JSONNode {
    enum Content {
        case nothing
        case value(JSONValue)
        case object(OrderedDictionary<String, JSONNode>)
        case array([JSONNode])
    }

    var content: Content

    init(_ content: Content = .nothing) { self.content = content }

    var json: JSONValue? {
        switch content {
        case .nothing: nil
        case .value(let value): value
        case .object(let members): .object(members.mapValues { $0.json ?? .object([:]) })
        case .array(let elements): .array(elements.map { $0.json ?? .object([:]) })
        }
    }

    func child(_ key: String) -> JSONNode {
        let child = JSONNode()
        set(child, key)
        return child
    }

    func set(_ node: JSONNode, _ key: String) {
        guard case .object(var members) = content else {
            preconditionFailure("two kinds of container in one")
        }
        content = .nothing
        members[key] = node
        content = .object(members)
    }

    func append(_ node: JSONNode) {
        guard case .array(var elements) = content else {
            preconditionFailure("two kinds of container in one")
        }
        content = .nothing
        elements.append(node)
        content = .array(elements)
    }

    func becomeObject() { if case .nothing = content { content = .object([:]) } }
    func becomeArray() { if case .nothing = content { content = .array([]) } }
}

private func specialValue(_ value: any Encodable) -> JSONValue? {
    switch value {
    case let value as URL: .string(value.isFileURL ? value.path : value.absoluteString)
    case let value as Date: .string(value.ISO8601Format())
    case let value as Data: .string(value.base64EncodedString())
    default: primitive(value)
    }
}

private func primitive(_ value: any Encodable) -> JSONValue? {
    switch value {
    case let value as Bool: .bool(value)
    case let value as String: .string(value)
    case let value as Double: .number(value)
    case let value as Float: JSONValue(value)
    case let value as any BinaryInteger: Int(exactly: value).map { .integer($0) } ?? .string("\(value)")
    default: nil
    }
}

private func encode(_ value: some Encodable, into node: JSONNode, path: [any CodingKey]) throws {
    if let special = specialValue(value) {
        node.content = .value(special)
    } else {
        try value.encode(to: NodeEncoder(node: node, codingPath: path))
    }
}

private struct NodeEncoder: Encoder {
    let node: JSONNode
    let codingPath: [any CodingKey]
    var userInfo: [CodingUserInfoKey: Any] { [:] }

    func container<Key: CodingKey>(keyedBy type: Key.Type) -> KeyedEncodingContainer<Key> {
        node.becomeObject()
        return KeyedEncodingContainer(KeyedContainer(node: node, codingPath: codingPath))
    }

    func unkeyedContainer() -> any UnkeyedEncodingContainer {
        node.becomeArray()
        return ListContainer(node: node, codingPath: codingPath)
    }

    func singleValueContainer() -> any SingleValueEncodingContainer {
        SingleContainer(node: node, codingPath: codingPath)
    }
}

private struct KeyedContainer<Key: CodingKey>: KeyedEncodingContainerProtocol {
    let node: JSONNode
    let codingPath: [any CodingKey]

    func encodeNil(forKey key: Key) { node.set(JSONNode(.value(.null)), key.stringValue) }

    func encode(_ value: some Encodable, forKey key: Key) throws {
        try RenormFormats.encode(value, into: node.child(key.stringValue), path: codingPath + [key])
    }

    func nestedContainer<Nested: CodingKey>(
        keyedBy type: Nested.Type, forKey key: Key
    ) -> KeyedEncodingContainer<Nested> {
        NodeEncoder(node: node.child(key.stringValue), codingPath: codingPath + [key]).container(
            keyedBy: type)
    }

    func nestedUnkeyedContainer(forKey key: Key) -> any UnkeyedEncodingContainer {
        NodeEncoder(node: node.child(key.stringValue), codingPath: codingPath + [key]).unkeyedContainer()
    }

    func superEncoder() -> any Encoder { NodeEncoder(node: node.child("super"), codingPath: codingPath) }

    func superEncoder(forKey key: Key) -> any Encoder {
        NodeEncoder(node: node.child(key.stringValue), codingPath: codingPath + [key])
    }
}

private struct ListContainer: UnkeyedEncodingContainer {
    let node: JSONNode
    let codingPath: [any CodingKey]

    var count: Int {
        if case .array(let elements) = node.content { return elements.count }
        return 0
    }

    private func next() -> JSONNode {
        let child = JSONNode()
        node.append(child)
        return child
    }

    func encodeNil() { node.append(JSONNode(.value(.null))) }

    func encode(_ value: some Encodable) throws {
        try RenormFormats.encode(value, into: next(), path: codingPath)
    }

    func nestedContainer<Nested: CodingKey>(keyedBy type: Nested.Type) -> KeyedEncodingContainer<Nested> {
        NodeEncoder(node: next(), codingPath: codingPath).container(keyedBy: type)
    }

    func nestedUnkeyedContainer() -> any UnkeyedEncodingContainer {
        NodeEncoder(node: next(), codingPath: codingPath).unkeyedContainer()
    }

    func superEncoder() -> any Encoder { NodeEncoder(node: next(), codingPath: codingPath) }
}

private struct SingleContainer: SingleValueEncodingContainer {
    let node: JSONNode
    let codingPath: [any CodingKey]

    func encodeNil() { node.content = .value(.null) }

    func encode(_ value: some Encodable) throws {
        try RenormFormats.encode(value, into: node, path: codingPath)
    }
}
