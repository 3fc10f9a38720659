import OrderedCollections
import RenormArrays
import RenormLayers

/// The layers of an imported network while they are found, each with a name of its own, and their variables.
struct LayerList {
    private(set) var layers: [DescribedLayer] = []
    private(set) var weights: OrderedDictionary<String, NDArray> = [:]
    private var names: Set<String> = ["input"]

    /// Adds a layer.
    ///
    /// - Parameters:
    ///   - name: The name to give it, unless another has it.
    ///   - weights: Its variables by their names in it.
    /// - Returns: Its name.
    mutating func add(
        _ kind: String, _ options: DescribedValue = .none, _ inputs: [String], name: String,
        weights: [(String, NDArray)] = []
    ) -> String {
        let wanted = name.isEmpty ? kind : name
        var (unused, number) = (wanted, 1)
        while !names.insert(unused).inserted {
            unused = "\(wanted)_\(number)"
            number += 1
        }
        layers.append(DescribedLayer(kind, options, name: unused, inputs: inputs))
        for (variable, array) in weights { self.weights["\(unused).\(variable)"] = array.converted(to: .f32) }
        return unused
    }

    /// Makes the last layer another one of the same inputs.
    mutating func renameLast(to kind: String) { layers[layers.count - 1].kind = kind }

    /// The layer of a name.
    func layer(_ name: String) -> DescribedLayer? { layers.last { $0.name == name } }

    /// Gives a layer without a bias one.
    mutating func addBias(_ bias: NDArray, to name: String) {
        guard let index = layers.lastIndex(where: { $0.name == name }) else { return }
        set("bias", .flag(true), of: index)
        weights["\(name).bias"] = bias.converted(to: .f32)
    }

    /// Sets an option of a layer.
    mutating func set(_ option: String, _ value: DescribedValue, of name: String) {
        guard let index = layers.lastIndex(where: { $0.name == name }) else { return }
        set(option, value, of: index)
    }

    private mutating func set(_ option: String, _ value: DescribedValue, of index: Int) {
        guard case .map(var options) = layers[index].options else { return }
        options[option] = value
        layers[index].options = .map(options)
    }

    /// The layers as one would write them: a layer that reads the one before it does not say so, and one that has no variables
    /// and that no other names has no name.
    func simplified() -> [DescribedLayer] {
        var result = layers
        for index in result.indices
        where result[index].inputs == [index > 0 ? layers[index - 1].name! : "input"] {
            result[index].inputs = nil
        }
        let read = Set(result.flatMap { $0.inputs ?? [] })
        let owners = Set(weights.keys.map { $0.split(separator: ".").dropLast().joined(separator: ".") })
        // Places are numbers, and must not be taken for a name that is one.
        let usesNumbers = owners.contains { Int($0.prefix { $0 != "." }) != nil }
        for index in result.indices {
            let name = result[index].name!
            if !usesNumbers, !read.contains(name), !owners.contains(name) { result[index].name = nil }
        }
        return result
    }
}
