import Foundation
import RenormArrays
import RenormFormats

/// How much may still be computed of constants: a file of a few bytes can ask for any number of values.
struct FoldingBudget {
    /// The most values of one result, unless one of its operands has as many.
    static let largestCount = 1 << 20
    /// The values that may still be made.
    private var left: Int

    /// - Parameter count: the values that stand in the file.
    init(values count: Int) { left = count.saturatingProduct(4).saturatingSum(1 << 24) }

    /// Takes so many values, which must be no more than a network's own constants are.
    mutating func take(_ count: Int, of operands: [NDArray]) throws {
        let largest = max(Self.largestCount, operands.map(\.elementCount).max() ?? 0)
        left -= min(count, left)
        guard count <= largest, left > 0 else {
            throw GraphImporter.Unsupported("a constant of \(count) values is computed")
        }
    }
}

extension GraphImporter {
    /// Computes a node of which every input is a constant. What is computed of shapes is whole numbers, and exact.
    ///
    /// - Returns: Whether it was one.
    mutating func fold(_ node: ONNXNode) throws -> Bool {
        if node.operation == "Constant" {
            values[node.outputs[0]] = .constant(try Self.constant(of: node))
            return true
        }
        guard !node.inputs.isEmpty else { return false }
        var operands: [NDArray?] = []
        for name in node.inputs {
            if name.isEmpty {
                operands.append(nil)
                continue
            }
            guard case .constant(let array)? = values[name] else { return false }
            operands.append(array)
        }
        guard let first = operands[0] else { return false }
        let present = operands.compactMap(\.self)
        if let result = try reshaped(node, first, operands) ?? computed(node, first, operands, present) {
            try folding.take(result.elementCount, of: present)
            values[node.outputs[0]] = .constant(result)
            return true
        }
        throw Unsupported("it is computed of constants")
    }

    private static func constant(of node: ONNXNode) throws -> NDArray {
        for (name, value) in node.attributes {
            switch (name, value) {
            case ("value", .tensor(let array)): return array
            case ("value_float", .float(let number)): return NDArray(scalar: number)
            case ("value_floats", .floats(let numbers)): return NDArray(numbers, shape: [numbers.count])
            case ("value_int", .integer(let number)): return NDArray(scalar: Int64(number))
            case ("value_ints", .integers(let numbers)):
                return NDArray(numbers.map(Int64.init), shape: [numbers.count])
            default: continue
            }
        }
        throw Unsupported("a constant that is no array of numbers")
    }

    // MARK: The same values

    /// What keeps the values: another shape, order or type.
    private func reshaped(_ node: ONNXNode, _ x: NDArray, _ operands: [NDArray?]) throws -> NDArray? {
        func numbers(_ place: Int, or option: String) -> [Int]? {
            place < operands.count ? operands[place]?.integers : node.integers(option)
        }
        var dimensions = x.shape.dimensions
        switch node.operation {
        case "Identity", "Dropout": return x
        case "Cast": return try cast(node, x)
        case "Transpose":
            let order = node.integers("perm") ?? Array((0..<x.shape.rank).reversed())
            guard order.sorted() == Array(0..<x.shape.rank) else { throw Unsupported("\(order) is no order") }
            return x.transposed(order)
        case "Shape":
            return NDArray(dimensions.map(Int64.init), shape: [dimensions.count])
        case "Squeeze":
            let axes =
                try numbers(1, or: "axes")?.map { try axis($0, x.shape.rank) }
                ?? dimensions.indices.filter { dimensions[$0] == 1 }
            guard axes.allSatisfy({ dimensions[$0] == 1 }) else { throw Unsupported("an axis that is not 1") }
            return x.reshaped(to: x.shape.removing(axes: axes))
        case "Unsqueeze":
            let new = numbers(1, or: "axes") ?? []
            let rank = x.shape.rank + new.count
            guard rank <= TensorShape.largestRank else { throw Unsupported("\(rank) axes") }
            let axes = Set(try new.map { try axis($0, rank) })
            guard axes.count == new.count else { throw Unsupported("an axis is there twice") }
            var rest = dimensions[...]
            return x.reshaped(to: TensorShape((0..<rank).map { axes.contains($0) ? 1 : rest.removeFirst() }))
        case "Reshape", "Flatten":
            if node.operation == "Flatten" {
                let at =
                    try node.integer("axis").map { $0 == x.shape.rank ? $0 : try axis($0, x.shape.rank) } ?? 1
                dimensions = [dimensions[..<at].reduce(1, *), dimensions[at...].reduce(1, *)]
            } else {
                let target = numbers(1, or: "shape") ?? []
                guard target.count <= TensorShape.largestRank, target.filter({ $0 == -1 }).count <= 1 else {
                    throw Unsupported("a shape of \(target.count) axes")
                }
                var shape = try target.enumerated().map { index, extent in
                    guard extent >= -1, extent != 0 || index < dimensions.count else {
                        throw Unsupported("a shape of \(target)")
                    }
                    return extent == 0 ? dimensions[index] : extent
                }
                if let open = shape.firstIndex(of: -1) {
                    let known = shape.reduce(-1) { $0.saturatingProduct($1) }
                    guard known > 0, x.elementCount % known == 0 else {
                        throw Unsupported("a shape of \(target)")
                    }
                    shape[open] = x.elementCount / known
                }
                dimensions = shape
            }
            guard dimensions.reduce(1, { $0.saturatingProduct($1) }) == x.elementCount else {
                throw Unsupported("a shape of \(dimensions) for \(x.elementCount) values")
            }
            return x.reshaped(to: TensorShape(dimensions))
        default: return nil
        }
    }

    private func cast(_ node: ONNXNode, _ x: NDArray) throws -> NDArray {
        switch node.integer("to") {
        case 1, 10: return x.converted(to: .f32)
        case 11: return x.converted(to: .f64)
        case 16: return x.converted(to: .bf16)
        case 6: return x.converted(to: .i32)
        case 7: return x.converted(to: .i64)
        case 2, 3: return x.converted(to: .i32)
        case 9: return NDArray(x.doubles.map { UInt8($0 == 0 ? 0 : 1) }, shape: x.shape)
        default: throw Unsupported("numbers of type \(node.integer("to") ?? 0)")
        }
    }

    // MARK: New values

    private mutating func computed(
        _ node: ONNXNode, _ x: NDArray, _ operands: [NDArray?], _ present: [NDArray]
    ) throws -> NDArray? {
        if let function = Self.functions[node.operation] {
            return NDArray(x.doubles.map(function), shape: x.shape).converted(to: x.type)
        }
        if let function = Self.operations[node.operation] {
            var result = x
            for operand in present.dropFirst() { result = try combined(result, operand, function) }
            return result
        }
        switch node.operation {
        case "Concat":
            let axis = try axis(node.integer("axis") ?? 0, x.shape.rank)
            return try joined(present, axis)
        case "Gather":
            guard present.count == 2 else { return nil }
            return try gathered(x, present[1], try axis(node.integer("axis") ?? 0, x.shape.rank))
        case "Slice": return try sliced(node, x, operands)
        case "Size": return NDArray(scalar: Int64(x.elementCount))
        case "ReduceProd":
            guard x.shape.rank == 1 else { return nil }
            let product = x.integers.reduce(1) { $0.saturatingProduct($1) }
            return node.integer("keepdims") ?? 1 == 0
                ? NDArray(scalar: Int64(product)) : NDArray([Int64(product)], shape: [1])
        case "ConstantOfShape", "Expand":
            let target = node.operation == "Expand" ? present.last! : x
            guard target.elementCount <= TensorShape.largestRank, target.integers.allSatisfy({ $0 >= 0 })
            else {
                throw Unsupported("a shape of \(target.elementCount) axes")
            }
            let shape = TensorShape(target.integers)
            try folding.take(shape.dimensions.reduce(1) { $0.saturatingProduct(max($1, 1)) }, of: present)
            guard node.operation == "Expand" else {
                var value = NDArray(scalar: Float(0))
                if case .tensor(let array)? = node.attributes["value"], array.elementCount == 1 {
                    value = array
                }
                return NDArray([Double](repeating: value.doubles[0], count: shape.elementCount), shape: shape)
                    .converted(to: value.type)
            }
            return try combined(x, NDArray(zeros: shape, type: x.type)) { $0 + $1 }
        default: return nil
        }
    }

    private static let functions: [String: @Sendable (Double) -> Double] = [
        "Neg": { -$0 }, "Sqrt": { $0.squareRoot() }, "Reciprocal": { 1 / $0 }, "Exp": { exp($0) },
        "Log": { log($0) }, "Abs": { abs($0) }, "Floor": { $0.rounded(.down) }, "Ceil": { $0.rounded(.up) },
    ]

    private static let operations: [String: @Sendable (Double, Double) -> Double] = [
        "Add": { $0 + $1 }, "Sub": { $0 - $1 }, "Mul": { $0 * $1 }, "Pow": { pow($0, $1) },
        "Div": { $0 / $1 },
        "Min": { min($0, $1) }, "Max": { max($0, $1) }, "Equal": { $0 == $1 ? 1 : 0 },
    ]

    /// Two arrays stretched to one another; of whole numbers the result is whole, a quotient rounded towards 0.
    private mutating func combined(
        _ a: NDArray, _ b: NDArray, _ function: (Double, Double) -> Double
    ) throws -> NDArray {
        guard let shape = a.shape.broadcast(with: b.shape), shape.fault == nil else {
            throw Unsupported("constants of \(a.shape) and \(b.shape)")
        }
        try folding.take(shape.elementCount, of: [a, b])
        let (x, y) = (a.doubles, b.doubles)
        func strides(_ own: TensorShape) -> [Int] {
            let padded = TensorShape([Int](repeating: 1, count: shape.rank - own.rank) + own.dimensions)
            return zip(padded.strides, padded.dimensions).map { $1 == 1 ? 0 : $0 }
        }
        let (left, right) = (strides(a.shape), strides(b.shape))
        var (result, index) = ([Double](), [Int](repeating: 0, count: shape.rank))
        result.reserveCapacity(shape.elementCount)
        for _ in 0..<shape.elementCount {
            var (i, j) = (0, 0)
            for axis in 0..<shape.rank {
                i += index[axis] * left[axis]
                j += index[axis] * right[axis]
            }
            result.append(function(x[i], y[j]))
            var axis = shape.rank - 1
            while axis >= 0 {
                index[axis] += 1
                if index[axis] < shape[axis] { break }
                index[axis] = 0
                axis -= 1
            }
        }
        return NDArray(result, shape: shape).converted(to: a.type)
    }

    private mutating func joined(_ parts: [NDArray], _ axis: Int) throws -> NDArray {
        let rank = parts[0].shape.rank
        guard parts.allSatisfy({ $0.shape.rank == rank && $0.type == parts[0].type }) else {
            throw Unsupported("constants of different axes or types are joined")
        }
        let order = [axis] + (0..<rank).filter { $0 != axis }
        let turned = parts.map { $0.transposed(order) }
        guard turned.allSatisfy({ $0.shape.dimensions.dropFirst() == turned[0].shape.dimensions.dropFirst() })
        else {
            throw Unsupported("constants of different extents are joined")
        }
        try folding.take(parts.reduce(0) { $0 + $1.elementCount }, of: parts)
        let back = (0..<rank).map { order.firstIndex(of: $0)! }
        return NDArray(joining: turned).transposed(back)
    }

    private mutating func gathered(_ x: NDArray, _ places: NDArray, _ axis: Int) throws -> NDArray {
        let extent = x.shape[axis]
        let rows = places.integers.map { $0 < 0 ? $0 + extent : $0 }
        guard rows.allSatisfy({ (0..<extent).contains($0) }) else {
            throw Unsupported("a place outside of a constant")
        }
        let order = [axis] + (0..<x.shape.rank).filter { $0 != axis }
        let turned = x.transposed(order)
        try folding.take(rows.count.saturatingProduct(x.elementCount / max(extent, 1)), of: [x])
        let rest = Array(turned.shape.dimensions.dropFirst())
        guard !rows.isEmpty, rest.count + places.shape.rank <= TensorShape.largestRank else {
            throw Unsupported("nothing is picked of a constant")
        }
        let picked = NDArray(joining: rows.map { turned.rows($0..<$0 + 1) })
            .reshaped(to: TensorShape(places.shape.dimensions + rest))
        // The picked axes take the place of the one that was picked from.
        let count = places.shape.rank
        let back =
            (0..<axis).map { $0 + count } + Array(0..<count) + (axis..<rest.count).map { $0 + count }
        return picked.transposed(back)
    }

    private mutating func sliced(_ node: ONNXNode, _ x: NDArray, _ operands: [NDArray?]) throws -> NDArray {
        func numbers(_ place: Int, _ option: String) -> [Int]? {
            place < operands.count ? operands[place]?.integers : node.integers(option)
        }
        guard let starts = numbers(1, "starts"), let ends = numbers(2, "ends"), starts.count == ends.count,
            (numbers(4, "steps") ?? []).allSatisfy({ $0 == 1 })
        else { throw Unsupported("steps through a constant") }
        let axes = numbers(3, "axes") ?? Array(0..<starts.count)
        guard axes.count == starts.count else { throw Unsupported("starts without axes") }
        var result = x
        for (index, number) in axes.enumerated() {
            let axis = try axis(number, x.shape.rank)
            let count = result.shape[axis]
            func place(_ at: Int) -> Int { min(max(at < 0 ? at.saturatingSum(count) : at, 0), count) }
            let (start, end) = (place(starts[index]), place(ends[index]))
            let order = [axis] + (0..<x.shape.rank).filter { $0 != axis }
            let back = (0..<x.shape.rank).map { order.firstIndex(of: $0)! }
            result = result.transposed(order).rows(start..<max(start, end)).transposed(back)
        }
        return result
    }
}
