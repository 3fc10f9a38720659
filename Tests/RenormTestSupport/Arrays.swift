import RenormArrays

/// Normal numbers, a function of the seed and the shape.
public func randomArray(
    _ shape: TensorShape, seed: UInt64 = 1, mean: Double = 0, deviation: Double = 1, type: ElementType = .f64
) -> NDArray {
    var random = Random(seed: seed, stream: "test \(shape)")
    let values = (0..<shape.elementCount).map { _ in mean + deviation * random.normal() }
    return NDArray(values, shape: shape).converted(to: type)
}

/// Labels 0 ..< `classes`, a function of the seed.
public func randomLabels(_ count: Int, classes: Int, seed: UInt64 = 1) -> NDArray {
    var random = Random(seed: seed, stream: "test labels")
    return NDArray((0..<count).map { _ in Int32(random.integer(below: classes)) }, shape: [count])
}

/// `nil` if two arrays agree, else a sentence that says where they differ most:
///
///     #expect(mismatch(found, expected, tolerance: 1e-6) == nil)
///
/// - Parameters:
///   - tolerance: The largest difference allowed, as a fraction of the largest magnitude in `expected`.
///   - absolute: A difference that is always allowed, for values that should be 0.
public func mismatch(
    _ found: NDArray, _ expected: NDArray, tolerance: Double, absolute: Double = 0, of name: String = "array"
) -> String? {
    guard found.shape == expected.shape else {
        return "\(name): found the shape \(found.shape); expected \(expected.shape)"
    }
    let (a, b) = (found.doubles, expected.doubles)
    let scale = b.filter(\.isFinite).map(abs).max() ?? 0
    let allowed = absolute + tolerance * scale
    var worst: (index: Int, difference: Double)?
    for index in a.indices {
        if a[index] == b[index] || (a[index].isNaN && b[index].isNaN) { continue }
        let gap = abs(a[index] - b[index])
        let difference = gap.isNaN ? .infinity : gap
        if difference > max(allowed, worst?.difference ?? 0) { worst = (index, difference) }
    }
    guard let worst else { return nil }
    var place: [Int] = []
    var rest = worst.index
    for stride in found.shape.strides {
        place.append(rest / stride)
        rest %= stride
    }
    return
        "\(name)\(found.shape) at \(place): found \(a[worst.index]); expected \(b[worst.index]) ± \(allowed)"
}
