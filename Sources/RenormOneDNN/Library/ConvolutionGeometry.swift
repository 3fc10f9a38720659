import COneDNN
import RenormArrays
import RenormGraphs

/// The shapes of a convolution, from which oneDNN's three computations are described.
struct ConvolutionGeometry: Hashable {
    var x: TensorShape
    var weight: TensorShape
    var y: TensorShape
    var options: ConvolutionOptions
    /// The type of x and y.
    var type: ElementType

    /// The geometry of a convolution or of one of its gradients.
    init?(_ node: Node, in graph: Graph) {
        func shape(_ position: Int) -> TensorShape { graph[node.inputs[position]].shape }
        switch node.op {
        case .convolution(let options):
            (x, weight, y, self.options, type) = (shape(0), shape(1), node.shape, options, node.type)
        case .convolutionInputGradient(let options):
            (x, weight, y, self.options, type) = (node.shape, shape(1), shape(0), options, node.type)
        case .convolutionWeightGradient(let options):
            (x, weight, y, self.options) = (shape(0), node.shape, shape(1), options)
            type = graph[node.inputs[0]].type
        default:
            return nil
        }
    }

    /// A weight as oneDNN wants it: with an axis of groups where there are several.
    var weightSizes: [Int] {
        options.groups == 1
            ? weight.dimensions : [options.groups, weight[0] / options.groups] + weight.dimensions[1...]
    }

    /// PyTorch's layout of the weight.
    func plainWeight(_ library: OneDNNLibrary) throws -> MemoryDescriptor {
        try MemoryDescriptor(library, sizes: weightSizes, strides: TensorShape(weightSizes).strides)
    }

    /// The forward computation; without a layout for the weight, oneDNN chooses one.
    func forward(
        _ library: OneDNNLibrary, weight: MemoryDescriptor? = nil, bias: MemoryDescriptor? = nil,
        epilogue: Epilogue? = nil
    ) throws -> Primitive {
        let (source, weight, target) = try descriptors(library, weight)
        let window = Window(self)
        return try Primitive(library, "planning a convolution \(self)", epilogue: epilogue) {
            result, attributes in
            library.functions.convolution_forward_primitive_desc_create(
                result, library.engine,
                UInt32(onednn_forward_training), UInt32(onednn_convolution_direct), source.handle,
                weight.handle, bias?.handle, target.handle,
                window.strides, window.dilations, window.low, window.high, attributes)
        }
    }

    /// The gradient with respect to x.
    func inputGradient(_ library: OneDNNLibrary) throws -> Primitive {
        let hint = try forward(library)
        let (source, weight, target) = try descriptors(library, nil)
        let window = Window(self)
        return try Primitive(library, "planning a convolution's input gradient \(self)") {
            result, attributes in
            library.functions.convolution_backward_data_primitive_desc_create(
                result, library.engine, UInt32(onednn_convolution_direct), source.handle, weight.handle,
                target.handle, window.strides, window.dilations, window.low, window.high, hint.hint,
                attributes)
        }
    }

    /// The gradient with respect to the weight.
    func weightGradient(_ library: OneDNNLibrary) throws -> Primitive {
        let hint = try forward(library)
        // Gradients of weights are summed and kept in f32 whatever the activations are.
        let weight = try MemoryDescriptor(library, sizes: weightSizes, strides: nil)
        let (source, _, target) = try descriptors(library, weight)
        let window = Window(self)
        return try Primitive(library, "planning a convolution's weight gradient \(self)") {
            result, attributes in
            library.functions.convolution_backward_weights_primitive_desc_create(
                result, library.engine, UInt32(onednn_convolution_direct), source.handle, weight.handle, nil,
                target.handle, window.strides, window.dilations, window.low, window.high, hint.hint,
                attributes)
        }
    }

    /// The layouts of x and y, and the given or any layout of the weight, in the type of the activations.
    func descriptors(
        _ library: OneDNNLibrary, _ weight: MemoryDescriptor?
    ) throws -> (MemoryDescriptor, MemoryDescriptor, MemoryDescriptor) {
        (
            try MemoryDescriptor(library, images: x, type: type),
            try weight ?? MemoryDescriptor(library, sizes: weightSizes, strides: nil, type: type),
            try MemoryDescriptor(library, images: y, type: type)
        )
    }

    private struct Window {
        let strides: [Int64]
        let dilations: [Int64]
        let low: [Int64]
        let high: [Int64]

        init(_ geometry: ConvolutionGeometry) {
            let options = geometry.options
            strides = options.strides.map(Int64.init)
            dilations = options.dilations.map { Int64($0 - 1) }
            low = [Int64(options.padding[0]), Int64(options.padding[2])]
            high = [Int64(options.padding[1]), Int64(options.padding[3])]
        }
    }
}

extension MemoryDescriptor {
    /// Activations: `[N, H, W, C]` in memory, which oneDNN names N, C, H, W.
    convenience init(_ library: OneDNNLibrary, images shape: TensorShape, type: ElementType) throws {
        let (n, h, w, c) = (shape[0], shape[1], shape[2], shape[3])
        try self.init(library, sizes: [n, c, h, w], strides: [h * w * c, 1, w * c, c], type: type)
    }
}
