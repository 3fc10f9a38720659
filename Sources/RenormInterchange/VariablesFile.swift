import Foundation
import OrderedCollections
import RenormLayers

/// A safetensors file of variables: names are their paths, which are PyTorch's; what each is for stands in the metadata,
/// so that nothing is guessed from a name. Files from elsewhere have no such list; there a model says what its variables
/// are for.
///
///     try VariablesFile.write(model.variables, to: url)
///     try model.load(VariablesFile(reading: url))
public struct VariablesFile: Sendable {
    /// The file, for messages.
    public let path: String
    /// The arrays by path.
    public let arrays: [String: NDArray]
    /// What each is for; `nil` in files from elsewhere.
    public let kinds: [String: VariableKind]?
    /// Everything else that the file says of itself.
    public let metadata: [String: String]

    /// The name under which the kinds stand in the metadata.
    static let kindsKey = "renorm.kinds"

    /// Reads a file.
    ///
    /// - Throws: what reading a safetensors file throws; `VariablesError.kinds` if its list of kinds is damaged.
    public init(reading url: URL) throws {
        let file = try SafetensorsFile(reading: url)
        try self.init(
            path: url.path, arrays: Dictionary(uniqueKeysWithValues: file.tensors.map { ($0.key, $0.value) }),
            metadata: file.metadata)
    }

    package init(path: String, arrays: [String: NDArray], metadata: [String: String]) throws {
        self.path = path
        self.arrays = arrays
        self.metadata = metadata.filter { $0.key != VariablesFile.kindsKey }
        guard let text = metadata[VariablesFile.kindsKey] else {
            kinds = nil
            return
        }
        var kinds: [String: VariableKind] = [:]
        do {
            let lists = try JSONDecoder().decode([String: [String]].self, from: Data(text.utf8))
            for (name, paths) in lists {
                guard let kind = VariableKind(rawValue: name) else {
                    throw VariablesError.kinds(file: path, reason: "there is no kind '\(name)'")
                }
                for path in paths { kinds[path] = kind }
            }
        } catch let error as VariablesError {
            throw error
        } catch {
            throw VariablesError.kinds(file: path, reason: "it is no JSON of lists of names")
        }
        if let path = arrays.keys.sorted().first(where: { kinds[$0] == nil }) {
            throw VariablesError.kinds(file: self.path, reason: "'\(path)' is not in it")
        }
        self.kinds = kinds
    }

    /// Writes variables, atomically: the file is either as it was or complete.
    public static func write(
        _ variables: Variables, metadata: [String: String] = [:], to url: URL
    ) throws {
        var lists: [String: [String]] = [:]
        for (path, variable) in variables { lists[variable.kind.rawValue, default: []].append(path) }
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
        var metadata = metadata
        metadata[kindsKey] = String(decoding: try encoder.encode(lists), as: UTF8.self)
        // What PyTorch's tools look for before they read a file.
        metadata["format"] = "pt"
        var tensors: OrderedDictionary<String, NDArray> = [:]
        for (path, variable) in variables { tensors[path] = variable.value }
        try SafetensorsFile(tensors: tensors, metadata: metadata).write(to: url)
    }

    /// The file's variables of the given kinds, which must be exactly those of `expected`: same paths, kinds, shapes and
    /// types, with finite values. In the order of `expected`.
    ///
    /// - Parameter bounds: Those of statistics by path (see `Model.statisticBounds`).
    public func variables(
        exactly expected: Variables, bounds: [String: StatisticBound] = [:]
    ) throws -> Variables {
        let missing = expected.paths.filter { arrays[$0] == nil }
        guard missing.isEmpty else { throw VariablesError.missing(file: path, paths: missing) }
        let unexpected = arrays.keys.filter { expected[$0] == nil }.sorted()
        guard unexpected.isEmpty else { throw VariablesError.unexpected(file: path, paths: unexpected) }
        return try expected.mapValues { name, variable in
            let value = arrays[name]!
            if let kind = kinds?[name], kind != variable.kind {
                throw VariablesError.kind(file: path, path: name, found: kind, expected: variable.kind)
            }
            guard value.shape == variable.value.shape else {
                throw VariablesError.shape(
                    file: path, path: name, found: value.shape, expected: variable.value.shape)
            }
            // An engine may compute, and so save, in more precision than f32.
            let isWider = value.type == .f64 && variable.value.type == .f32
            guard value.type == variable.value.type || isWider else {
                throw VariablesError.type(
                    file: path, path: name, found: value.type, expected: variable.value.type)
            }
            try check(value, at: name, bounds[name])
            return Variable(kind: variable.kind, value: value)
        }
    }

    /// Throws if a value is one that no network in use has: every way from a file to a model comes through here.
    func check(_ value: NDArray, at name: String, _ bound: StatisticBound?) throws {
        // What is finite in f64 may not be so in the f32 that a model has.
        guard value.isFinite, value.type != .f64 || value.converted(to: .f32).isFinite else {
            throw VariablesError.notFinite(file: path, path: name)
        }
        guard let bound else { return }
        let values = value.doubles
        if let index = values.firstIndex(where: { !bound.allows($0) }) {
            throw VariablesError.statistic(
                file: path, path: name, index: index, found: values[index], expected: bound)
        }
    }
}
