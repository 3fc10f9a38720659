import Foundation
import RenormArrays
import RenormFormats
import RenormGraphs

/// A file of variables: names are their paths, which are PyTorch's; what each is for stands in the metadata,
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

    /// What was understood on the way from the file to its arrays, in sentences for the user.
    public let remarks: [String]

    /// The name under which the kinds stand in the metadata.
    static let kindsKey = "renorm.kinds"

    /// Reads a file of any format that carries weights: safetensors, PyTorch's. Nothing in it is executed.
    ///
    /// - Throws: what reading the file throws (`FormatError`); `VariablesError.kinds` if its list of kinds is damaged.
    public init(reading url: URL) throws {
        let file = try NamedArrays(reading: url)
        try self.init(
            path: url.path, arrays: Dictionary(uniqueKeysWithValues: file.arrays.map { ($0.key, $0.value) }),
            metadata: file.metadata, remarks: file.remarks)
    }

    package init(
        path: String, arrays: [String: NDArray], metadata: [String: String], remarks: [String] = []
    ) throws {
        self.path = path
        self.remarks = remarks
        self.arrays = arrays
        self.metadata = metadata.filter { $0.key != VariablesFile.kindsKey }
        guard let text = metadata[VariablesFile.kindsKey] else {
            kinds = nil
            return
        }
        var kinds: [String: VariableKind] = [:]
        do {
            let lists = try JSONCoder.decode([String: [String]].self, from: text)
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

    /// The ε of every batch normalization by what the file says of its framework, as files of Keras' do that
    /// `scripts/keras_to_safetensors.py` has made; `nil` where it says nothing, or several.
    package var statedEpsilon: Double? {
        guard let text = metadata["keras.epsilon"],
            let values = try? JSONCoder.decode([String: Double].self, from: text),
            Set(values.values).count == 1,
            let epsilon = values.values.first, Normalization(.batch, epsilon: epsilon).fault == nil
        else { return nil }
        return epsilon
    }

    /// Writes variables, atomically: the file is either as it was or complete.
    public static func write(
        _ variables: Variables, metadata: [String: String] = [:], to url: URL
    ) throws {
        var lists: [String: [String]] = [:]
        for (path, variable) in variables { lists[variable.kind.rawValue, default: []].append(path) }
        var metadata = metadata
        metadata[kindsKey] = try JSONCoder.encode(lists)
        // What PyTorch's tools look for before they read a file.
        metadata["format"] = "pt"
        var content = NamedArrays(metadata: metadata)
        for (path, variable) in variables { content.arrays[path] = variable.value }
        try content.write(safetensors: url)
    }

    /// The file's variables, which must be exactly those of `expected`: same paths, kinds, shapes and types, with finite
    /// values. In the order of `expected`.
    ///
    /// - Parameter bounds: Those of statistics by path (see `Model.statisticBounds`).
    public func variables(
        exactly expected: Variables, bounds: [String: StatisticBound] = [:]
    ) throws -> Variables {
        try variables(expected.map(Wanted.init), of: arrays, bounds: bounds, stored: Self.asItIs)
    }

    /// The file's variables, which must be exactly those that are specified.
    ///
    /// - Parameters:
    ///   - others: What the file may have besides.
    ///   - bounds: Those of statistics by path (see `Model.statisticBounds`).
    public func variables(
        exactly expected: [VariableSpecification], leavingOut others: Set<VariableKind>,
        bounds: [String: StatisticBound] = [:]
    ) throws -> Variables {
        try variables(
            expected.map(Wanted.init),
            of: arrays.filter { name, _ in
                kinds?[name].map { !others.contains($0) } ?? true
            }, bounds: bounds, stored: Self.asItIs)
    }

    /// A value of the right type. An engine may compute, and so save, in more precision than f32.
    static func asItIs(_ value: NDArray, as type: ElementType) -> NDArray? {
        value.type == type || (value.type == .f64 && type == .f32) ? value : nil
    }

    /// What a variable must be.
    struct Wanted {
        var path: String
        var kind: VariableKind
        var shape: TensorShape
        var type: ElementType

        init(_ specification: VariableSpecification) {
            (path, kind) = (specification.path, specification.kind)
            (shape, type) = (specification.shape, specification.storedType)
        }

        init(_ known: Variables.Element) {
            (path, kind) = (known.path, known.variable.kind)
            (shape, type) = (known.variable.value.shape, known.variable.value.type)
        }
    }

    /// The arrays as variables, each of which must be wanted and there.
    private func variables(
        _ expected: [Wanted], of arrays: [String: NDArray], bounds: [String: StatisticBound],
        stored: (NDArray, ElementType) -> NDArray?
    ) throws -> Variables {
        var report = LoadingReport(of: path)
        let result = compare(expected, with: arrays, bounds: bounds, report: &report, stored: stored)
        if let problem = report.firstProblem { throw problem }
        return result
    }

    /// The arrays as variables, as far as they fit; the report says which do, and what is wrong with the others. Every way from a
    /// file to a model comes through here.
    ///
    /// - Parameter stored: A value as it is kept where the given type is wanted; `nil` where its own is wrong.
    func compare(
        _ expected: [Wanted], with arrays: [String: NDArray], bounds: [String: StatisticBound],
        report: inout LoadingReport, stored: (NDArray, ElementType) -> NDArray?
    ) -> Variables {
        let known = Set(expected.map(\.path))
        report.unexpected = arrays.keys.filter { !known.contains($0) }.sorted()
        var result = Variables()
        for wanted in expected {
            let name = wanted.path
            guard let found = arrays[name] else {
                report.missing.append(name)
                continue
            }
            if let kind = kinds?[name], kind != wanted.kind {
                report.kinds.append(.init(path: name, found: kind, expected: wanted.kind))
            } else if found.shape != wanted.shape {
                report.shapes.append(.init(path: name, found: found.shape, expected: wanted.shape))
            } else if let value = stored(found, wanted.type) {
                if note(value, at: name, bounds[name], in: &report) {
                    report.fitting.append(name)
                    result[name] = Variable(kind: wanted.kind, value: value)
                }
            } else {
                report.types.append(.init(path: name, found: found.type, expected: wanted.type))
            }
        }
        return result
    }

    /// Whether a value is one that a network in use can have; what is wrong with it is noted.
    private func note(
        _ value: NDArray, at name: String, _ bound: StatisticBound?, in report: inout LoadingReport
    ) -> Bool {
        // What is finite in f64 may not be so in the f32 that a model has.
        guard value.isFinite, value.type != .f64 || value.converted(to: .f32).isFinite else {
            report.notFinite.append(name)
            return false
        }
        guard let bound else { return true }
        let values = value.doubles
        guard let index = values.firstIndex(where: { !bound.allows($0) }) else { return true }
        report.outOfBounds.append(.init(path: name, index: index, found: values[index], expected: bound))
        return false
    }
}
