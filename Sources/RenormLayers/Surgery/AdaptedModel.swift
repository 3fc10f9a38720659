import RenormArrays
import RenormGraphs

/// A network with the values of another of the same name, for other classes, images of other channels or another size.
///
///     var other = architecture
///     other.classes = 5
///     let adapted = try AdaptedModel(other, from: model, of: architecture, seed: 1)
public struct AdaptedModel: Sendable {
    /// The network.
    public var model: Model
    /// The variables that start anew.
    public var fresh: [String]
    /// The variables whose values were made of the old ones: the first convolution's, for another number of channels.
    public var adapted: [String]

    /// Makes the network.
    ///
    /// A head for other classes starts anew. The first convolution's weights for another number of channels are those of timm's
    /// `adapt_input_conv`: for one channel the sum over the old ones, which gives a grey picture the answer that it had in grey
    /// colours, else the old ones over and over, scaled so that their sum stays. Everything else must have the shape that it had.
    ///
    /// - Parameters:
    ///   - architecture: What it is to be: the old one but for classes and input.
    ///   - source: The network that it is made of.
    ///   - old: What that is.
    ///   - seed: What new values depend on.
    ///   - freshens: Whether what depends on the size of images, such as the first dense layer of a VGG for small ones, starts anew;
    ///     without it such a size is refused.
    /// - Throws: `GraphError.option` for another name, stem or normalization, and for what may not start anew.
    public init(
        _ architecture: Architecture, from source: Model, of old: Architecture, seed: UInt64,
        freshens: Bool = false
    ) throws {
        var same = architecture
        (same.classes, same.input) = (old.classes, old.input)
        guard same == old else {
            throw GraphError.option(
                operation: "adapting a network", path: "",
                found: "\(architecture.name) with another normalization or stem",
                expected: "\(old.name) as it is, for other classes or images")
        }
        let head = Set(architecture.classes == old.classes ? [] : try architecture.headPaths())
        var result = Model(
            try architecture.makeLayer(), input: architecture.input, overrides: source.overrides,
            variables: Variables())
        (fresh, adapted) = ([], [])
        for specification in try result.specifications() {
            let path = specification.path
            if head.contains(path) {
                fresh.append(path)
            } else if let value = source.variables[path], value.value.shape == specification.shape {
                result.variables[path] = value
                continue
            } else if architecture.input[2] != old.input[2],
                let value = source.variables[path]?.value.adaptedInputs(to: specification.shape)
            {
                result.variables[path] = Variable(kind: specification.kind, value: value)
                adapted.append(path)
                continue
            } else if freshens {
                fresh.append(path)
            } else {
                throw GraphError.option(
                    operation: "adapting a network", path: path,
                    found:
                        "\(source.variables[path].map { "\($0.value.shape)" } ?? "nothing") for images of \(old.input)",
                    expected:
                        "\(specification.shape) for images of \(architecture.input); keep the size, or let it start anew"
                )
            }
            result.variables[path] = Variable(
                kind: specification.kind, value: specification.initialValue(seed: seed))
        }
        model = result
    }
}

extension NDArray {
    /// Weights of a convolution `[O, I, H, W]` for another number of input channels; `nil` where more than that differs.
    fileprivate func adaptedInputs(to target: TensorShape) -> NDArray? {
        guard shape.rank == 4, target.rank == 4, shape[0] == target[0], shape[2] == target[2],
            shape[3] == target[3]
        else { return nil }
        let (inputs, window) = (shape[1], shape[2] * shape[3])
        let values = doubles
        var result: [Double] = []
        result.reserveCapacity(target.elementCount)
        for output in 0..<shape[0] {
            let start = output * inputs * window
            func taps(_ input: Int) -> ArraySlice<Double> {
                values[start + input * window..<start + (input + 1) * window]
            }
            if target[1] == 1 {
                result += (1..<inputs).reduce(Array(taps(0))) { sums, input in
                    zip(sums, taps(input)).map { $0 + $1 }
                }
            } else {
                let share = Double(inputs) / Double(target[1])
                for input in 0..<target[1] { result += taps(input % inputs).map { $0 * share } }
            }
        }
        return NDArray(result, shape: target).converted(to: type)
    }
}
