import RenormArrays

extension Graph: CustomStringConvertible {
    /// The graph as text, one line a node, with its layer's path, its part (unless it is the forward one) and its role:
    ///
    ///     %4 = convolution(%0, %3) strides 1×1 padding 1,1,1,1 : f32[8, 28, 28, 16]  // conv1 output
    public var description: String {
        var lines = nodes.enumerated().map { index, node in
            var line = "%\(index) = \(node.op.text(inputs: node.inputs)) : \(node.type)\(node.shape)"
            let part = node.part == .forward ? "" : node.part.rawValue
            let role = node.role == .inner ? "" : node.role.rawValue
            let place = [node.path, part, role].filter { !$0.isEmpty }
            if !place.isEmpty { line += "  // " + place.joined(separator: " ") }
            return line
        }
        lines += fetches.map { "fetch \($0.name) = \($0.node)" }
        lines += guards.map { "guard \($0.path) = \($0.node)" }
        lines += updates.map { "update \($0.path) = \($0.node)" }
        return lines.joined(separator: "\n")
    }
}

extension Op {
    /// The operation's name as the field says it.
    public var name: String {
        switch self {
        case .unary(let function): function.rawValue
        case .binary(let function): function.rawValue
        case .compare(let comparison): comparison.rawValue
        case .reduce(let reduction, _): "reduce \(reduction.rawValue)"
        case .activation(let activation): activation.rawValue
        case .activationGradient(let activation): "\(activation.rawValue)Gradient"
        default: String(describing: self).prefix { $0 != "(" }.description
        }
    }

    fileprivate func text(inputs: [NodeID]) -> String {
        let operands = inputs.map(\.description).joined(separator: ", ")
        switch self {
        case .input(let name): return "input \"\(name)\""
        case .variable(let path): return "variable \"\(path)\""
        case .schedule(let name): return "schedule \"\(name)\""
        case .step: return "step"
        case .constant(let value): return "constant \(value)"
        default: break
        }
        let options =
            switch self {
            case .random(let seed, let stream): "seed \(seed) stream \(stream)"
            case .reduce(_, let axes): "over \(axes)"
            case .transpose(let permutation): "\(permutation)"
            case .slice(let starts): "from \(starts)"
            case .pad(let low, let high): "low \(low) high \(high)"
            case .concatenate(let axis): "axis \(axis)"
            case .convolution(let options), .convolutionInputGradient(let options),
                .convolutionWeightGradient(let options):
                "strides \(options.strides.times) padding \(options.padding.commas)"
                    + (options.dilations == [1, 1] ? "" : " dilations \(options.dilations.times)")
                    + (options.groups == 1 ? "" : " groups \(options.groups)")
            case .maxPool(let options), .maxPoolGradient(let options):
                options.text
            case .averagePool(let options), .averagePoolGradient(let options):
                options.text + (options.countsPadding ? "" : " not counted")
            case .matmul(let left, let right):
                [left ? "left transposed" : "", right ? "right transposed" : ""].filter { !$0.isEmpty }
                    .joined(separator: ", ")
            case .moments(let groups): "groups \(groups)"
            case .filteredMoments(let filter, let epsilon):
                "adaptation \(filter.adaptation) margin \(filter.margin) memory \(filter.memory) gains \(filter.floor)…\(filter.ceiling) "
                    + "from \(filter.inherited) significance \(filter.significance) r \(filter.rMax) d \(filter.dMax) widening \(filter.widening) "
                    + (filter.isArithmetic ? "arithmetic " : "") + (filter.isTotal ? "total " : "")
                    + "epsilon \(epsilon)"
            case .affine(.mixed): "projecting over groups and the step"
            case .affine(.group(let channelGroups)): "projecting over groups of channels: \(channelGroups)"
            case .softmaxCrossEntropy(let smoothing), .softmaxCrossEntropyGradient(let smoothing):
                "smoothing \(smoothing)"
            default: ""
            }
        return "\(name)(\(operands))" + (options.isEmpty ? "" : " " + options)
    }
}

extension PoolingOptions {
    fileprivate var text: String {
        "window \(window.times) strides \(strides.times) padding \(padding.commas)"
    }
}

extension [Int] {
    fileprivate var times: String { map(String.init).joined(separator: "×") }
    fileprivate var commas: String { map(String.init).joined(separator: ",") }
}
