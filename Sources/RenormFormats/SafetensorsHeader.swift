import Foundation
import OrderedCollections

/// The JSON at the beginning of a safetensors file, before it is looked at what its tensors are.
struct SafetensorsHeader {
    /// What the header says of a tensor; a part that is missing or of another kind is `nil`.
    struct Entry: Decodable {
        var isObject = false
        var type: String?
        var shape: [Int]?
        var offsets: [Int]?
        /// The members of `__metadata__`, of which each must be a string.
        fileprivate var texts: [String: Text]?

        fileprivate struct Text: Decodable {
            var value: String?

            init(from decoder: any Decoder) throws {
                value = try? decoder.singleValueContainer().decode(String.self)
            }
        }

        private enum Key: String, CodingKey { case type = "dtype", shape, offsets = "data_offsets" }

        init(from decoder: any Decoder) throws {
            if decoder.codingPath.last?.stringValue == Safetensors.metadataKey {
                texts = try? [String: Text](from: decoder)
            } else if let container = try? decoder.container(keyedBy: Key.self) {
                isObject = true
                type = try? container.decode(String.self, forKey: .type)
                shape = try? container.decode([Int].self, forKey: .shape)
                offsets = try? container.decode([Int].self, forKey: .offsets)
            }
        }
    }

    /// What it says of each tensor, in its order.
    var entries: OrderedDictionary<String, Entry> = [:]
    /// The texts of `__metadata__`.
    var metadata: [String: String] = [:]

    /// Reads a header.
    ///
    /// - Throws: `FormatError.malformedJSON`, `.malformedHeader`.
    init(_ bytes: [UInt8], path: String) throws {
        let source = "The header of \(path)"
        let names = try JSONKeys(of: bytes, source: source).inOrder
        let members: [String: Entry]
        do {
            members = try JSONCoder.decode([String: Entry].self, from: Data(bytes))
        } catch DecodingError.typeMismatch, DecodingError.valueNotFound {
            throw FormatError.malformedHeader(path: path, entry: "the header", reason: "it is no object")
        } catch {
            throw FormatError.malformedJSON(source: source, offset: nil, reason: Self.reason(bytes))
        }
        for name in names where name != Safetensors.metadataKey { entries[name] = members[name] }
        guard let entry = members[Safetensors.metadataKey] else { return }
        func malformed(_ reason: String) -> FormatError {
            .malformedHeader(path: path, entry: Safetensors.metadataKey, reason: reason)
        }
        guard let texts = entry.texts else { throw malformed("it is no object") }
        for (key, text) in texts.sorted(by: { $0.key < $1.key }) {
            guard let value = text.value else { throw malformed("\"\(key)\" is no string") }
            metadata[key] = value
        }
    }

    /// What is wrong with a text that is no JSON: Foundation's other parser says where.
    private static func reason(_ bytes: [UInt8]) -> String {
        do {
            _ = try JSONSerialization.jsonObject(with: Data(bytes))
            return "it cannot be parsed"
        } catch {
            let text = (error as NSError).userInfo["NSDebugDescription"] as? String ?? "\(error)"
            return text.hasSuffix(".") ? String(text.dropLast()) : text
        }
    }
}
