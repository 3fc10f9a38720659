import RenormArrays

/// Makes layers of their descriptions, and counts them: what is repeated in what is repeated is soon more than any memory holds.
final class DescribedLayerMaker {
    let classes: Int
    let normalization: Normalization
    private var count = 0
    private var depth = 0

    init(classes: Int, normalization: Normalization) {
        self.classes = classes
        self.normalization = normalization
    }

    /// Makes what is inside another layer.
    func inner<Result>(_ body: () throws -> Result) throws -> Result {
        depth += 1
        defer { depth -= 1 }
        return try body()
    }

    /// The layers of a list that a file has.
    func layers(_ value: DescribedValue, at place: String) throws -> [any Layer] {
        guard case .list(let values) = value else {
            throw DescriptionError(place: place, found: value.summary, expected: "a list of layers")
        }
        return try layers(
            values.enumerated().map { try DescribedLayer($1, at: "\(place)[\($0)]") }, at: place)
    }

    /// The layers of a list: one after another or, where one names its inputs, a graph of them.
    func layers(_ described: [DescribedLayer], at place: String) throws -> [any Layer] {
        guard depth <= DescribedValueReader.largestDepth else {
            throw DescriptionError(
                place: place,
                found: "more than \(DescribedValueReader.largestDepth) layers inside one another",
                expected: "fewer")
        }
        let steps = try steps(described, at: place)
        if steps.contains(where: { $0.inputs != nil }) { return [LayerGraph(joined(steps))] }
        return try joined(steps).map { step in
            guard case .layer(let layer) = step.operation else {
                throw DescriptionError(
                    place: step.place, found: "no inputs",
                    expected: "'inputs:' and the names of the layers to join")
            }
            return step.name.map(layer.named) ?? layer
        }
    }

    private func steps(_ described: [DescribedLayer], at place: String) throws -> [LayerGraph.Step] {
        var (steps, names) = ([LayerGraph.Step](), Set([LayerGraph.inputName]))
        for (index, layer) in described.enumerated() {
            let here = "\(place)[\(index)]"
            guard let (row, _) = DescribedLayers.table.find(layer.kind) else {
                let fault = DescribedLayers.table.fault(of: layer.kind.prefix(60).description.visible)
                throw DescriptionError(place: here, found: fault.found, expected: fault.expected)
            }
            guard (1...1000).contains(layer.count), layer.count == 1 || layer.inputs == nil else {
                throw DescriptionError(
                    place: "\(here).repeat", found: "\(layer.count)",
                    expected: layer.inputs == nil ? "1 to 1000" : "no 'repeat' where there are 'inputs'")
            }
            let next = index + 1 < described.count ? described[index + 1] : nil
            let isNormalized =
                next.flatMap { DescribedLayers.table.find($0.kind)?.value.isNormalization } ?? false
            for number in 0..<layer.count {
                count += 1
                guard count <= DescribedValueReader.largestCount else {
                    throw DescriptionError(
                        place: here, found: "more than \(DescribedValueReader.largestCount) layers",
                        expected: "fewer")
                }
                var options = try DescribedOptions(
                    layer.options, short: row.short, at: "\(here).\(layer.kind)",
                    isNormalized: isNormalized && number == layer.count - 1, self)
                let operation = try row.make(&options)
                try options.finish()
                let name = layer.count == 1 ? layer.name : layer.name.map { "\($0).\(number)" }
                try check(layer.inputs, of: operation, isFirst: steps.isEmpty, known: names, at: here)
                if let name,
                    name.isEmpty || name.utf8.count > 1000 || name.visible != name
                        || !names.insert(name).inserted
                {
                    throw DescriptionError(
                        place: here, found: "the name '\(name.prefix(60).description.visible)'",
                        expected: "one of visible letters that no layer before it has, other than 'input'")
                }
                steps.append(
                    LayerGraph.Step(
                        name: name, inputs: layer.inputs, operation: operation, place: here,
                        isActivation: row.isActivation))
            }
        }
        return steps
    }

    private func check(
        _ inputs: [String]?, of operation: LayerGraph.Operation, isFirst: Bool, known: Set<String>,
        at place: String
    ) throws {
        guard let inputs else {
            if case .joining = operation {
                throw DescriptionError(
                    place: place, found: "no inputs",
                    expected: "'inputs:' and the names of the layers to join")
            }
            return
        }
        if let unknown = inputs.first(where: { !known.contains($0) }) {
            throw DescriptionError(
                place: "\(place).inputs", found: "'\(unknown.prefix(60).description.visible)'",
                expected: "'input' or the name of a layer before it in the same list")
        }
        let fits = if case .layer = operation { inputs.count == 1 } else { (1...1000).contains(inputs.count) }
        guard fits else {
            throw DescriptionError(
                place: "\(place).inputs", found: "\(inputs.count) inputs",
                expected: "one, or a layer that joins several, such as add, multiply or concatenate")
        }
    }

    /// The steps with each convolution, its normalization and its activation as one, so that a normalization can say what the
    /// weights go through and bring an activation of its own.
    private func joined(_ steps: [LayerGraph.Step]) -> [LayerGraph.Step] {
        let read = Set(steps.flatMap { $0.inputs ?? [] })
        func follows(_ index: Int) -> LayerGraph.Step? {
            guard index < steps.count, steps[index].inputs == nil else { return nil }
            guard let name = steps[index - 1].name else { return steps[index] }
            return read.contains(name) ? nil : steps[index]
        }
        var (result, index) = ([LayerGraph.Step](), 0)
        while index < steps.count {
            var step = steps[index]
            index += 1
            if case .layer(let first) = step.operation, let convolution = first as? Convolution,
                let second = follows(index), case .layer(let middle) = second.operation,
                let normalization = middle as? Normalization
            {
                var unit = DescribedUnit(
                    convolution: convolution, normalization: normalization, activation: nil,
                    names: (step.name, second.name))
                step.resultName = second.name
                index += 1
                if let third = follows(index), third.isActivation,
                    case .layer(let activation) = third.operation
                {
                    unit.activation = activation
                    step.resultName = third.name
                    index += 1
                }
                step.name = nil
                step.operation = .layer(unit)
            }
            result.append(step)
        }
        return result
    }
}
