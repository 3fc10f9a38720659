import RenormArrays
import RenormGraphs

/// Which network of a name a file of weights is for: what the file's names and shapes say of classes, channels, stem and
/// normalization, so that nobody has to.
///
///     let match = try WeightsMatch(of: file, name: "resnet18")
///     match.architecture.classes     // 1000
///
/// It is a guess that fits as many variables as possible. Whether all fit is found when they are loaded.
public struct WeightsMatch: Sendable {
    /// The network, on images of the size that was asked for or for which it was published.
    public var architecture: Architecture
    /// Whose names the file speaks.
    public var names: NameTable
    /// How many variables of the network the file has not, or not of this shape, and how many of the file's it has not.
    public var misfits: Int

    /// What is known of a network before its weights are looked at; the file says what is `nil`.
    public struct Request: Sendable {
        /// The name in `Networks.table`, with its argument.
        public var name: String
        /// The network itself where it is not in the table.
        public var description: NetworkDescription?
        /// How images enter it.
        public var stem: Stem?
        /// The number of classes.
        public var classes: Int?
        /// Height and width of its images.
        public var size: (height: Int, width: Int)?
        /// The normalization.
        public var normalization: Normalization?
        /// What the file's framework calls the variables.
        public var names: NameTable?

        /// Asks for a network.
        public init(
            name: String, description: NetworkDescription? = nil, stem: Stem? = nil, classes: Int? = nil,
            size: (height: Int, width: Int)? = nil,
            normalization: Normalization? = nil, names: NameTable? = nil
        ) {
            self.name = name
            self.description = description
            self.stem = stem
            self.classes = classes
            self.size = size
            self.normalization = normalization
            self.names = names
        }
    }

    /// Finds the network whose variables the file has most of.
    ///
    /// - Throws: `GraphError` for a name that is not in the table.
    public init(of file: VariablesFile, for request: Request) throws {
        guard
            let network = request.description.map({ Network($0) }) ?? Networks.table.find(request.name)?.value
        else {
            throw GraphError(Networks.table.fault(of: request.name), operation: "model", path: "")
        }
        let shapes = file.arrays.mapValues(\.shape)
        let size = request.size ?? (network.image[0], network.image[1])
        var best: WeightsMatch?
        var failure: (any Error)?
        for names in request.names.map({ [$0] }) ?? [.pytorch] + network.otherNames {
            let translated = names.translated(shapes)
            for stem in request.stem.map({ [$0] }) ?? (network.hasStem ? Stem.allCases.reversed() : [.cifar])
            {
                for normalization in request.normalization.map({ [$0] })
                    ?? WeightsMatch.normalizations(of: network, in: translated)
                {
                    let architecture = Architecture(
                        name: request.name, stem: stem, classes: request.classes ?? 1000,
                        input: [size.height, size.width, network.image[2]], normalization: normalization,
                        description: request.description)
                    do {
                        let match = try WeightsMatch(
                            architecture.following(translated, classes: request.classes), names, translated)
                        if match.misfits < best?.misfits ?? .max { best = match }
                    } catch {
                        failure = failure ?? error
                    }
                }
            }
        }
        guard let best else { throw failure! }
        self = best
    }

    private init(_ architecture: Architecture, _ names: NameTable, _ shapes: [String: TensorShape]) throws {
        self.architecture = architecture
        self.names = names
        let wanted = try architecture.specifications().filter { $0.kind != .counter }
        let paths = Set(wanted.map(\.path))
        misfits =
            wanted.count { shapes[$0.path] != $0.shape }
            + shapes.keys.count {
                !paths.contains($0) && !$0.hasSuffix(NormalizationStatistic.batchCount.name)
            }
    }

    /// The normalizations that the file may be of: the published one, batch renormalization where there are deviations, none.
    private static func normalizations(
        of network: Network, in shapes: [String: TensorShape]
    ) -> [Normalization] {
        var result = [network.normalization]
        if shapes.keys.contains(where: { $0.hasSuffix("running_std") }) {
            var renorm = network.normalization
            renorm.kind = .batchRenorm
            result.insert(renorm, at: 0)
        } else if !shapes.keys.contains(where: { $0.hasSuffix("running_var") }) {
            var none = network.normalization
            none.kind = .none
            result.append(none)
        }
        return result
    }
}

extension Architecture {
    /// What the network has, without a value of it.
    ///
    /// - Throws: As `makeLayer`, and `GraphError` if images of this shape do not fit the layers.
    public func specifications() throws -> [VariableSpecification] {
        try Model(makeLayer(), input: input, variables: Variables()).specifications()
    }

    /// The network for as many channels as the first convolution of a file has, and as many classes as its last layer.
    ///
    /// - Parameter classes: The number of classes, if it is known.
    func following(_ shapes: [String: TensorShape], classes known: Int?) throws -> Architecture {
        var result = self
        func extent(_ axis: Int, of paths: [String]) -> Int? {
            paths.lazy.compactMap { shapes[$0] }.first { $0.rank > axis }?[axis]
        }
        if let channels = extent(1, of: try inputPaths()), (1...4).contains(channels) {
            result.input = TensorShape(input.dimensions.dropLast() + [channels])
        }
        if known == nil, let count = extent(0, of: try headPaths()), count > 0 { result.classes = count }
        return result
    }
}

extension NameTable {
    /// The shapes under our paths, of a file's shapes by its names.
    func translated(_ shapes: [String: TensorShape]) -> [String: TensorShape] {
        var result: [String: TensorShape] = [:]
        for (name, shape) in shapes {
            let (path, axes) = translated(name, rank: shape.rank)
            result[path] = axes.map { TensorShape($0.map { shape[$0] }) } ?? shape
        }
        return result
    }
}
