import RenormArrays

/// The options of a described layer while it is made: each is taken by name, and what nobody has taken is an error.
///
///     let channels = try options.integer("channels", in: 1...4096)
public struct DescribedOptions {
    /// Where in the description the layer stands, for errors.
    public let place: String
    /// The number of classes of the network.
    public var classes: Int { maker.classes }
    /// The normalization of the network.
    public var normalization: Normalization { maker.normalization }
    /// Whether a normalization follows, so that a bias would do nothing.
    public let isNormalized: Bool

    private let maker: DescribedLayerMaker
    private var values: [String: DescribedValue]
    private var known: [String] = []
    private let short: String?

    init(
        _ value: DescribedValue, short: String?, at place: String, isNormalized: Bool,
        _ maker: DescribedLayerMaker
    ) throws {
        (self.place, self.short, self.isNormalized, self.maker) = (place, short, isNormalized, maker)
        switch value {
        case .none: values = [:]
        case .map(let map): values = map
        default:
            guard let short else {
                throw DescriptionError(
                    place: place, found: value.summary, expected: "nothing, or a map of options")
            }
            values = [short: value]
        }
    }

    /// An error about this layer.
    public func failure(of name: String? = nil, found: String, expected: String) -> DescriptionError {
        DescriptionError(place: name.map(place(of:)) ?? place, found: found, expected: expected)
    }

    /// Takes a whole number.
    ///
    /// - Parameter standard: What it is where it does not stand there; `nil` if it must.
    public mutating func integer(_ name: String, in range: ClosedRange<Int>, or standard: Int? = nil) throws
        -> Int
    {
        guard let value = take(name) else { return try standard ?? missing(name) }
        guard case .number(let number) = value, let whole = Int(exactly: number), range.contains(whole) else {
            throw failure(
                of: name, found: value.summary,
                expected: "a whole number from \(range.lowerBound) to \(range.upperBound)")
        }
        return whole
    }

    /// Takes a number of units or channels: a whole number, or the word `classes`.
    public mutating func units(_ name: String) throws -> Int {
        if values[name] == .text("classes") {
            _ = take(name)
            return classes
        }
        return try integer(name, in: 1...DescribedLayers.most)
    }

    /// Whether an option stands there.
    public func has(_ name: String) -> Bool { values[name].map { $0 != .none } ?? false }

    /// Takes whole numbers in a row, 1 to 8 of them.
    public mutating func integers(_ name: String, in range: ClosedRange<Int>) throws -> [Int] {
        guard case .list(let list)? = values[name] else { return [try integer(name, in: range)] }
        guard (1...8).contains(list.count) else {
            throw failure(
                of: name, found: DescribedValue.list(list).summary, expected: "1 to 8 whole numbers")
        }
        return try integers(name, list.count, in: range)
    }

    /// Takes so many whole numbers, or one that stands for all of them.
    public mutating func integers(
        _ name: String, _ count: Int, in range: ClosedRange<Int>, or standard: Int? = nil
    ) throws -> [Int] {
        guard case .list(let list)? = values[name] else {
            return [Int](repeating: try integer(name, in: range, or: standard), count: count)
        }
        _ = take(name)
        let whole = list.compactMap { value -> Int? in
            guard case .number(let number) = value else { return nil }
            return Int(exactly: number).flatMap { range.contains($0) ? $0 : nil }
        }
        guard whole.count == list.count, whole.count == count else {
            throw failure(
                of: name, found: DescribedValue.list(list).summary,
                expected: "\(count) whole numbers from \(range.lowerBound) to \(range.upperBound), or one")
        }
        return whole
    }

    /// Takes a finite number.
    public mutating func number(
        _ name: String, in range: ClosedRange<Double>, or standard: Double? = nil
    ) throws -> Double {
        guard let value = take(name) else { return try standard ?? missing(name) }
        guard case .number(let number) = value, number.isFinite, range.contains(number) else {
            throw failure(
                of: name, found: value.summary,
                expected: range.upperBound >= 1e30
                    ? "a finite number"
                    : "a number from \(range.lowerBound.short) to \(range.upperBound.short)")
        }
        return number
    }

    /// Takes numbers in a row, or one alone.
    public mutating func numbers(_ name: String) throws -> [Double] {
        guard let value = take(name) else { return try missing(name) }
        let list = if case .list(let list) = value { list } else { [value] }
        let numbers = list.compactMap { value -> Double? in
            guard case .number(let number) = value, Float(number).isFinite else { return nil }
            return number
        }
        guard !numbers.isEmpty, numbers.count == list.count else {
            throw failure(of: name, found: value.summary, expected: "finite numbers")
        }
        return numbers
    }

    /// Takes yes or no.
    public mutating func flag(_ name: String, or standard: Bool) throws -> Bool {
        guard let value = take(name) else { return standard }
        guard case .flag(let flag) = value else {
            throw failure(of: name, found: value.summary, expected: "true or false")
        }
        return flag
    }

    /// Takes a text; `nil` where it does not stand there.
    public mutating func text(_ name: String) throws -> String? {
        guard let value = take(name) else { return nil }
        guard case .text(let text) = value else {
            throw failure(of: name, found: value.summary, expected: "a text")
        }
        return text
    }

    /// Takes zeros around an image: `same`, `valid`, a number, or top, bottom, left and right.
    public mutating func padding(_ name: String, or standard: Padding) throws -> Padding {
        switch values[name] {
        case nil, DescribedValue.none?:
            _ = take(name)
            return standard
        case .text("same"):
            _ = take(name)
            return .same
        case .text("valid"):
            _ = take(name)
            return .valid
        case .list:
            let sides = try integers(name, 4, in: 0...DescribedLayers.largestWindow)
            return .explicit(top: sides[0], bottom: sides[1], left: sides[2], right: sides[3])
        case .number: return .all(try integer(name, in: 0...DescribedLayers.largestWindow))
        case let value?:
            throw failure(
                of: name, found: value.summary,
                expected: "same, valid, a number, or a list of top, bottom, left and right")
        }
    }

    /// Takes one layer.
    public mutating func layer(_ name: String, or standard: any Layer) throws -> any Layer {
        guard let value = take(name) else { return standard }
        return try maker.inner { try maker.layers(.list([value]), at: place(of: name))[0] }
    }

    /// Takes a list of layers; empty where it does not stand there.
    public mutating func layers(_ name: String) throws -> [any Layer] {
        guard let value = take(name) else { return [] }
        return try maker.inner { try maker.layers(value, at: place(of: name)) }
    }

    /// Takes a list of lists of layers; a list of several layers becomes a `Sequential`.
    public mutating func layerLists(_ name: String) throws -> [any Layer] {
        guard let value = take(name) else { return [] }
        guard case .list(let lists) = value else {
            throw failure(of: name, found: value.summary, expected: "a list of lists of layers")
        }
        return try maker.inner {
            try lists.enumerated().flatMap { index, value in
                let place = "\(place(of: name))[\(index)]"
                guard case .list = value else { return try maker.layers(.list([value]), at: place) }
                let layers = try maker.layers(value, at: place)
                return [Sequential { layers }]
            }
        }
    }

    /// Throws if there are options that nobody took.
    func finish() throws {
        guard let left = values.keys.sorted().first else { return }
        throw DescriptionError(
            place: place, found: "the option '\(left.prefix(60).description.visible)'",
            expected: known.isEmpty ? "no options" : "only " + known.joined(separator: ", "))
    }

    private mutating func take(_ name: String) -> DescribedValue? {
        if !known.contains(name) { known.append(name) }
        guard let value = values.removeValue(forKey: name), value != .none else { return nil }
        return value
    }

    private func missing<Value>(_ name: String) throws -> Value {
        throw DescriptionError(
            place: place, found: "no '\(name)'",
            expected: name == short ? "it, alone or as '\(name)'" : "it")
    }

    private func place(of name: String) -> String { "\(place).\(name)" }
}
