import RenormGraphs

/// Zeros around an image before a window moves over it.
public enum Padding: Sendable, Hashable {
    /// As many that ⌈extent / stride⌉ windows fit; the odd cell at the bottom and right (StableHLO's SAME).
    case same
    /// None.
    case valid
    /// The same number on every side.
    case all(Int)
    /// Top, bottom, left and right.
    case explicit(top: Int, bottom: Int, left: Int, right: Int)

    /// The zeros at the top, bottom, left and right of an image.
    func resolved(height: Int, width: Int, window: [Int], strides: [Int]) -> [Int] {
        switch self {
        case .valid: return [0, 0, 0, 0]
        case .all(let cells): return [cells, cells, cells, cells]
        case .explicit(let top, let bottom, let left, let right): return [top, bottom, left, right]
        case .same:
            return zip([height, width], zip(window, strides)).flatMap { extent, geometry in
                let (window, stride) = geometry
                let total = max(((extent + stride - 1) / stride - 1) * stride + window - extent, 0)
                return [total / 2, total - total / 2]
            }
        }
    }
}

/// A two-dimensional convolution (cross-correlation) of `[N, H, W, C]`. Variables: `weight`
/// `[channels, C / groups, kernel, kernel]`, and `bias` `[channels]`.
///
/// Images and result have the scope's precision, the weight is f32.
///
/// Weights start as torchvision's, whatever the groups: normal with deviation √(2 / (channels · kernel²)) (He et al.
/// 2015, fan-out), unless told otherwise; biases at 0.
public struct Convolution: WeightedLayer {
    /// The number of output channels; `nil` for as many as input channels (depthwise, when `groups` is `nil` too).
    public var channels: Int?
    /// Height and width of the window.
    public var kernel: [Int]
    /// The step of the window.
    public var strides: [Int]
    /// Zeros around the image.
    public var padding: Padding
    /// The distance between taps; 1 means none left out.
    public var dilations: [Int]
    /// The number of groups of channels; `nil` for one for each input channel.
    public var groups: Int?
    /// Whether a bias is added.
    public var bias: Bool
    /// How weights start; `nil` for He's rule.
    public var initializer: Initializer?
    /// What the weight goes through before it is used; `nil`: it is used as it is.
    public var weights: (any WeightTransform)?

    /// Makes a convolution with a square window.
    public init(
        _ channels: Int, kernel: Int, stride: Int = 1, padding: Padding = .same, dilation: Int = 1,
        groups: Int = 1, bias: Bool = true, initializer: Initializer? = nil
    ) {
        self.channels = channels
        self.kernel = [kernel, kernel]
        strides = [stride, stride]
        self.padding = padding
        dilations = [dilation, dilation]
        self.groups = groups
        self.bias = bias
        self.initializer = initializer
    }

    /// The layer in a few words.
    public var summary: String {
        "convolution " + Self.text(kernel, isSquareShort: false)
            + (strides == [1, 1] ? "" : " stride " + Self.text(strides))
            + (dilations == [1, 1] ? "" : " dilation " + Self.text(dilations))
            + (groups == 1 ? "" : groups.map { " groups \($0)" } ?? " depthwise")
    }

    private static func text(_ extents: [Int], isSquareShort: Bool = true) -> String {
        let isSquare = Set(extents).count == 1
        return isSquare && isSquareShort ? "\(extents[0])" : extents.map(String.init).joined(separator: "×")
    }

    /// Convolves.
    ///
    /// - Throws: `GraphError` when x is no batch of images, the groups do not divide the channels, or the window is
    ///   larger than the padded image.
    public func callAsFunction(_ x: Tensor, _ scope: Scope) throws -> Tensor {
        try x.requireImages("convolution")
        let inputs = x.shape[3]
        let (outputs, groups) = (channels ?? inputs, groups ?? inputs)
        guard groups > 0, inputs % groups == 0, outputs > 0, outputs % groups == 0 else {
            throw GraphError.option(
                operation: "convolution", path: scope.path,
                found: "\(groups) groups of \(inputs) input and \(outputs) output channels",
                expected: "a number of groups that divides both")
        }
        guard kernel.count == 2, kernel.allSatisfy({ $0 > 0 }) else {
            throw GraphError.option(
                operation: "convolution", path: scope.path, found: "a kernel of \(kernel)",
                expected: "a height and a width of at least 1")
        }
        let weight = try scope.parameter(
            "weight", shape: [outputs, inputs / groups, kernel[0], kernel[1]],
            initializer: initializer ?? .he(fanOut: outputs * kernel[0] * kernel[1]),
            decays: true)
        let offset =
            scope.hasBias(bias)
            ? try scope.parameter("bias", shape: [outputs], initializer: .constant(0)) : nil
        let window = zip(kernel, dilations).map { ($0 - 1) * $1 + 1 }
        let zeros = padding.resolved(height: x.shape[1], width: x.shape[2], window: window, strides: strides)
        return try x.converted(to: scope.precision.elementType).convolution(
            weights?(weight) ?? weight, bias: offset,
            options: ConvolutionOptions(
                strides: strides, padding: zeros, dilations: dilations, groups: groups))
    }
}

extension WeightedLayer where Self == Convolution {
    /// A depthwise convolution: each channel has a window of its own.
    public static func depthwise(
        kernel: Int, stride: Int = 1, padding: Padding = .same, dilation: Int = 1, bias: Bool = true,
        initializer: Initializer? = nil
    ) -> Convolution {
        var layer = Convolution(
            1, kernel: kernel, stride: stride, padding: padding, dilation: dilation, bias: bias,
            initializer: initializer)
        layer.channels = nil
        layer.groups = nil
        return layer
    }
}

extension Tensor {
    /// Throws unless this is a batch of images `[N, H, W, C]`.
    func requireImages(_ operation: String) throws {
        guard shape.rank == 4 else {
            throw GraphError.shapes(
                operation: operation, path: builder.path, found: [shape], expected: "images [N, H, W, C]")
        }
    }
}
