/// What is wrong with a value whose type is right: a number out of its range, or numbers that do not fit each other.
public struct Fault: Hashable, Sendable, CustomStringConvertible {
    /// What the value is called, such as `batch size`; empty where `found` names it.
    public var name: String
    /// What it is.
    public var found: String
    /// What it may be.
    public var expected: String

    /// Says what is wrong.
    public init(of name: String = "", _ found: String, _ expected: String) {
        (self.name, self.found, self.expected) = (name, found, expected)
    }

    /// Says what is wrong; `nil` where nothing is.
    package init?(
        of name: String = "", _ found: @autoclosure () -> String, _ expected: String, unless holds: Bool
    ) {
        if holds { return nil }
        self.init(of: name, found(), expected)
    }

    /// The first of several, `nil` where there is none.
    package static func first(_ faults: Fault?...) -> Fault? { faults.lazy.compactMap(\.self).first }

    /// What was found and what was expected.
    public var description: String {
        (name.isEmpty ? "" : "\(name): ") + "found \(found); expected \(expected)"
    }
}

/// A value that can be wrong although its type is right.
///
/// `fault` is the one place that knows when. Whoever takes the value from code asks it, and so does `init(from:)`, so a value
/// from a file passes the checks of one from code.
package protocol Checkable {
    /// What is wrong with the value; `nil` where nothing is. It never traps, whatever the value is.
    var fault: Fault? { get }
}

extension Checkable {
    /// Throws if something is wrong with a value that has just been decoded.
    ///
    /// - Throws: `DecodingError.dataCorrupted` with the place in the file and the fault.
    package func requireNoFault(_ decoder: any Decoder) throws {
        guard let fault else { return }
        throw DecodingError.dataCorrupted(
            DecodingError.Context(codingPath: decoder.codingPath, debugDescription: fault.description))
    }
}

extension KeyedDecodingContainer {
    /// The value of a key.
    package func value<Value: Decodable>(_ key: Key) throws -> Value { try decode(Value.self, forKey: key) }

    /// The value of a key that may be missing.
    package func optional<Value: Decodable>(_ key: Key) throws -> Value? {
        try decodeIfPresent(Value.self, forKey: key)
    }
}

extension Int {
    /// The product or, where it is no `Int`, the largest one: for sizes that come from outside.
    package func saturatingProduct(_ other: Int) -> Int {
        let (product, overflow) = multipliedReportingOverflow(by: other)
        return overflow ? ((self < 0) == (other < 0) ? .max : .min) : product
    }

    /// The sum or, where it is no `Int`, the largest one.
    package func saturatingSum(_ other: Int) -> Int {
        let (sum, overflow) = addingReportingOverflow(other)
        return overflow ? (other > 0 ? .max : .min) : sum
    }
}
