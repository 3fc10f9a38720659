import COneDNN
import RenormGraphs

/// What a computation of oneDNN's does to each result before it is stored: adds a residual, then an activation.
struct Epilogue {
    /// The layout of the residual, which is then the argument `onednn_argument_first_post_operand`.
    var residual: MemoryDescriptor?
    var activation: Activation?

    /// Adds it to the attributes of a computation.
    func add(to attributes: OpaquePointer?, _ library: OneDNNLibrary, _ doing: @autoclosure () -> String)
        throws
    {
        let functions = library.functions
        var operations: OpaquePointer?
        try OneDNNLibrary.check(functions.post_ops_create(&operations), doing())
        defer { _ = functions.post_ops_destroy(operations) }
        if let residual {
            try OneDNNLibrary.check(
                functions.post_ops_append_binary(operations, UInt32(onednn_binary_add), residual.handle),
                doing())
        }
        switch activation {
        case .relu:
            try OneDNNLibrary.check(
                functions.post_ops_append_eltwise(operations, UInt32(onednn_eltwise_relu), 0, 0), doing())
        case .relu6:
            try OneDNNLibrary.check(
                functions.post_ops_append_eltwise(operations, UInt32(onednn_eltwise_clip), 0, 6), doing())
        case nil: break
        }
        try OneDNNLibrary.check(functions.primitive_attr_set_post_ops(attributes, operations), doing())
    }
}
