import RenormFormats

/// Names of layers from what other programs call weights and nodes.
enum ImportedNames {
    /// The name for a node's layer: that of the module that its weight belongs to, such as `layer1.0.conv1` of
    /// `layer1.0.conv1.weight`; else what the node is called, of which PyTorch makes `/layer1/layer1.0/conv1/Conv`.
    static func layer(_ node: ONNXNode, weight: String? = nil) -> String {
        if let weight, !weight.hasPrefix("onnx::"), !weight.hasPrefix("/"),
            let dot = weight.lastIndex(of: ".")
        {
            let (module, variable) = (weight[..<dot], weight[weight.index(after: dot)...])
            if ["weight", "running_mean", "gamma", "kernel"].contains(variable), !module.isEmpty {
                return clean(String(module))
            }
        }
        var parts: [String] = []
        for part in node.name.split(separator: "/").map(String.init) {
            if let last = parts.last, part.hasPrefix(last + ".") { parts.removeLast() }
            parts.append(part)
        }
        // The last part says what it computes, and not where.
        if parts.count > 1, parts.last?.lowercased().hasPrefix(node.operation.lowercased().prefix(4)) == true
        {
            parts.removeLast()
        }
        return clean(parts.joined(separator: "."))
    }

    /// A name without what paths do not have.
    static func clean(_ name: String) -> String {
        let letters = name.prefix(200).map { character -> Character in
            character.isLetter || character.isNumber || "._-".contains(character) ? character : "_"
        }
        let parts = String(letters).split(separator: ".")
        return parts.joined(separator: ".")
    }
}
