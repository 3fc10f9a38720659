import RenormArrays

/// Why a description is no network.
public struct DescriptionError: Error, Hashable, Sendable, CustomStringConvertible {
    /// Where in the description: `layers[3].residual.body[0]`.
    public var place: String
    /// What is there.
    public var found: String
    /// What was expected.
    public var expected: String

    /// Says what is wrong.
    public init(place: String, found: String, expected: String) {
        (self.place, self.found, self.expected) = (place, found, expected)
    }

    /// What was found and where, what was expected, and what to do.
    public var description: String {
        "The description of the network at \(place): found \(found); expected \(expected). Change it there."
    }

    /// The same as a fault of the whole description.
    var fault: Fault { Fault(of: place, found, expected) }
}
