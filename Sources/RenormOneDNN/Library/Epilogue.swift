import COneDNN
import RenormGraphs

/// What a computation of oneDNN's does to each result before it is stored: adds a residual, then an activation.
struct Epilogue {
    /// The layout of the residual, which is then the argument `onednn_argument_first_post_operand`.
    var residual: MemoryDescriptor?
    var activation: Activation?
    /// A depthwise 3×3 convolution, padded by one cell, of what comes of that.
    var depthwise: Depthwise?

    struct Depthwise {
        var stride: Int
        var isBiased: Bool
        var activation: Activation?
    }

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
        func append(_ activation: Activation?) throws {
            for step in activation?.steps ?? [] {
                try OneDNNLibrary.check(
                    functions.post_ops_append_eltwise(
                        operations, UInt32(step.function), step.alpha, step.beta), doing())
            }
        }
        try append(activation)
        if let depthwise {
            let number = UInt32(onednn_type_f32)
            try OneDNNLibrary.check(
                functions.post_ops_append_dw(
                    operations, number, depthwise.isBiased ? number : 0, number, 3, Int64(depthwise.stride), 1
                ),
                doing())
            try append(depthwise.activation)
        }
        try OneDNNLibrary.check(functions.primitive_attr_set_post_ops(attributes, operations), doing())
    }
}

/// A function of oneDNN's with its two options.
private struct Step {
    var function: Int
    var alpha: Float
    var beta: Float

    /// x · min(max(alpha·x + beta, 0), 1)
    static func hardswish(_ alpha: Float, _ beta: Float) -> Step {
        Step(function: Int(onednn_eltwise_hardswish), alpha: alpha, beta: beta)
    }

    /// x · 1 where x > 0, x · 0 elsewhere: of −∞ that is NaN, and NaN stays.
    static let positive = hardswish(.greatestFiniteMagnitude, 0)
    /// x · 1 where x < ∞, and ∞ · 0, NaN.
    static let finiteAbove = hardswish(-1, .greatestFiniteMagnitude)
    /// min(x, 6), and −∞ of NaN.
    static let atMostSix = Step(function: Int(onednn_eltwise_clip), alpha: -.infinity, beta: 6)
}

extension Activation {
    /// The activation in functions that keep what is not finite. oneDNN's own ReLU and clip do not: their maximum and minimum
    /// give the limit where x is NaN.
    fileprivate var steps: [Step] {
        switch self {
        case .relu: [.positive]
        case .relu6: [.finiteAbove, .atMostSix, .positive]
        case .relu6OfNumbers: [Step(function: Int(onednn_eltwise_clip), alpha: 0, beta: 6)]
        }
    }
}
