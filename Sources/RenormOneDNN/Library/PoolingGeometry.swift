import COneDNN
import RenormArrays
import RenormGraphs

/// A pooling as oneDNN describes it.
struct PoolingGeometry: Hashable {
    var x: TensorShape
    var y: TensorShape
    var options: PoolingOptions
    var isMaximum: Bool
    /// The type of x and y.
    var type: ElementType

    private var algorithm: UInt32 {
        isMaximum
            ? UInt32(onednn_pooling_max)
            : UInt32(
                options.countsPadding
                    ? onednn_pooling_average_with_padding : onednn_pooling_average_without_padding)
    }

    /// The forward computation; where it keeps a workspace, the backward one can follow.
    func forward(_ library: OneDNNLibrary, keepsWorkspace: Bool) throws -> Primitive {
        let (source, target) = (
            try MemoryDescriptor(library, images: x, type: type),
            try MemoryDescriptor(library, images: y, type: type)
        )
        let (strides, window, none) = (
            options.strides.map(Int64.init), options.window.map(Int64.init), [Int64](repeating: 0, count: 2)
        )
        let (low, high) = padding
        return try Primitive(library, "planning a pooling \(self)") { result, attributes in
            library.functions.pooling_forward_primitive_desc_create(
                result, library.engine,
                UInt32(keepsWorkspace ? onednn_forward_training : onednn_forward_inference), algorithm,
                source.handle, target.handle, strides, window, none, low, high, attributes)
        }
    }

    /// The gradient with respect to x.
    func gradient(_ library: OneDNNLibrary) throws -> Primitive {
        let hint = try forward(library, keepsWorkspace: true)
        let (source, target) = (
            try MemoryDescriptor(library, images: x, type: type),
            try MemoryDescriptor(library, images: y, type: type)
        )
        let (strides, window, none) = (
            options.strides.map(Int64.init), options.window.map(Int64.init), [Int64](repeating: 0, count: 2)
        )
        let (low, high) = padding
        return try Primitive(library, "planning a pooling's gradient \(self)") { result, attributes in
            library.functions.pooling_backward_primitive_desc_create(
                result, library.engine, algorithm, source.handle, target.handle, strides, window, none, low,
                high, hint.hint, attributes)
        }
    }

    private var padding: ([Int64], [Int64]) {
        (
            [Int64(options.padding[0]), Int64(options.padding[2])],
            [Int64(options.padding[1]), Int64(options.padding[3])]
        )
    }
}
