import RenormArrays
import RenormGraphs

/// What a conversion of normalizations does to a network before any training: which layers, what they keep and lose, and whether
/// inference stays as it was.
///
///     let converted = try model.converting(to: .group(8))
///     print(try ConversionReport(from: model, to: converted))
public struct ConversionReport: Sendable, Hashable {
    /// A normalization that became another.
    public struct Layer: Sendable, Hashable {
        /// Where it is.
        public var path: String
        /// What it was, such as `batch`.
        public var from: String
        /// What it is now, such as `group:8`.
        public var to: String
        /// The names of its variables that have the values they had.
        public var kept: [String]
        /// The names of those that have other values, which say the same in the terms of the new kind, or come as near to it as can
        /// be: see `ExampleNormalization`.
        public var carried: [String]
        /// The names of those that are gone.
        public var lost: [String]
        /// The names of those that are new, and start as in a new network.
        public var new: [String]
        /// Whether it gives at inference what it gave, but for rounding.
        public var keepsInference: Bool
    }

    /// The normalizations that became others, in the order of their results.
    public var layers: [Layer]
    /// What it does to answers, where that was measured on images.
    public var effect: ConversionEffect?

    /// Whether the network gives at inference what it gave; if not, it needs training.
    public var keepsInference: Bool { layers.allSatisfy(\.keepsInference) }

    /// Compares a network with what it was converted to.
    ///
    /// - Throws: `GraphError` if the images do not fit the layers.
    public init(from old: Model, to new: Model, effect: ConversionEffect? = nil) throws {
        self.effect = effect
        layers = zip(try old.tracedNormalizations(), try new.tracedNormalizations()).compactMap {
            was, becomes in
            guard was.normalization != becomes.normalization else { return nil }
            func values(_ variables: Variables) -> [String: NDArray] {
                let start = was.place("")
                return variables.reduce(into: [:]) { values, entry in
                    guard entry.path.hasPrefix(start) else { return }
                    let name = String(entry.path.dropFirst(start.count))
                    if !name.contains(".") { values[name] = entry.variable.value }
                }
            }
            let (before, after) = (values(old.variables), values(new.variables))
            let both = before.keys.filter { after[$0] != nil }.sorted()
            return Layer(
                path: was.path, from: was.normalization.kind.word, to: becomes.normalization.kind.word,
                kept: both.filter { before[$0] == after[$0] },
                carried: both.filter { before[$0] != after[$0] },
                lost: before.keys.filter { after[$0] == nil }.sorted(),
                new: after.keys.filter { before[$0] == nil }.sorted(),
                keepsInference: was.normalization.saysTheSame(as: becomes.normalization))
        }
    }
}

extension Normalization {
    /// Whether a conversion to another one is exact at inference: averages can be said in the terms of any kind that keeps some.
    fileprivate func saysTheSame(as other: Normalization) -> Bool {
        keepsPopulation && other.keepsPopulation && weights.map(\.name) == other.weights.map(\.name)
    }
}

/// What a change of a network does to its answers, on some images, before any training.
public struct ConversionEffect: Sendable, Hashable, Codable {
    /// The number of images.
    public var images: Int
    /// How far logits move: the root mean square of their differences, over the standard deviation of all logits before.
    public var logitDistance: Double
    /// The share of images that another class is the likeliest for than before, 0 to 1.
    public var changedAnswers: Double

    /// Says what a change does.
    public init(images: Int, logitDistance: Double, changedAnswers: Double) {
        self.images = images
        self.logitDistance = logitDistance
        self.changedAnswers = changedAnswers
    }
}

extension ConversionReport: CustomStringConvertible {
    /// The conversion in a few sentences.
    public var description: String {
        guard !layers.isEmpty else { return "No normalization becomes another." }
        var sentences = kinds.map { kind in
            let count = kind.layers.count
            return "\(count) \(kind.from) normalization\(count == 1 ? " becomes" : "s become") \(kind.to)"
                + (kind.layers.allSatisfy(\.keepsInference)
                    ? ": inference gives what it gave."
                    : ": inference changes, and the network needs training.") + said(kind.layers)
        }
        if let effect {
            let share = (effect.changedAnswers * 1000).rounded() / 10
            let distance = (effect.logitDistance * 1000).rounded() / 1000
            sentences.append(
                "Before any training, on \(effect.images) images: logits move by \(distance) of their standard deviation, and "
                    + "\(share) % of the answers change.")
        }
        return sentences.joined(separator: " ")
    }

    private var kinds: [(from: String, to: String, layers: [Layer])] {
        layers.reduce(into: []) { kinds, layer in
            if let place = kinds.firstIndex(where: { $0.from == layer.from && $0.to == layer.to }) {
                kinds[place].layers.append(layer)
            } else {
                kinds.append((layer.from, layer.to, [layer]))
            }
        }
    }

    private func said(_ layers: [Layer]) -> String {
        func names(_ part: KeyPath<Layer, [String]>) -> String {
            Set(layers.flatMap { $0[keyPath: part] }).sorted().joined(separator: ", ")
        }
        let parts: [(KeyPath<Layer, [String]>, String)] = [
            (\.kept, "Kept"), (\.carried, "Carried over"), (\.lost, "Lost"), (\.new, "New"),
        ]
        return parts.map { part, word in names(part).isEmpty ? "" : " \(word): \(names(part))." }.joined()
    }
}
