import Renorm
import Testing

/// Files of frameworks that call variables by other names and order their axes otherwise.
@Suite struct NameTableTests {
    private static let keras = NameTable(
        "Keras",
        [
            .init("*/kernel", "*.weight", axes: [3, 2, 0, 1]), .init("*/kernel", "*.weight", axes: [1, 0]),
            .init("*/gamma", "*.weight"), .init("*/beta", "*.bias"),
            .init("*/moving_mean", "*.running_mean"), .init("*/moving_variance", "*.running_var"),
        ])

    /// A model of values that differ everywhere.
    private static func model(seed: UInt64) throws -> Model {
        var model = try Model(
            Small(classes: 3, width: 0.125, normalization: Normalization(.batch)), input: [8, 8, 1],
            seed: seed)
        model.variables = model.variables.mapValues { path, variable in
            guard variable.kind != .counter else {
                return Variable(kind: .counter, value: NDArray(scalar: Int64(1)))
            }
            var random = Random(seed: seed, stream: path)
            let values = (0..<variable.value.elementCount).map { _ in Float(0.5 + random.uniform()) }
            return Variable(kind: variable.kind, value: NDArray(values, shape: variable.value.shape))
        }
        return model
    }

    /// The variables as Keras saves them.
    private static func saved(_ variables: Variables) -> [String: NDArray] {
        var arrays: [String: NDArray] = [:]
        for (path, variable) in variables where variable.kind != .counter {
            let parts = path.split(separator: ".")
            let layer = parts.dropLast().joined(separator: ".")
            switch (parts.last!, variable.value.shape.rank) {
            case ("weight", 4): arrays["\(layer)/kernel"] = variable.value.transposed([2, 3, 1, 0])
            case ("weight", 2): arrays["\(layer)/kernel"] = variable.value.transposed([1, 0])
            case ("weight", _): arrays["\(layer)/gamma"] = variable.value
            case ("running_mean", _): arrays["\(layer)/moving_mean"] = variable.value
            case ("running_var", _): arrays["\(layer)/moving_variance"] = variable.value
            case (_, _) where layer != "fc": arrays["\(layer)/beta"] = variable.value
            // A name that no rule matches is taken as it is.
            default: arrays[path] = variable.value
            }
        }
        return arrays
    }

    private func file(_ arrays: [String: NDArray]) throws -> VariablesFile {
        try VariablesFile(path: "weights.h5", arrays: arrays, metadata: [:])
    }

    @Test func aModelIsLoadedByTheNamesOfAnotherFramework() throws {
        let source = try Self.model(seed: 1)
        var model = try Self.model(seed: 2)
        try model.load(file(Self.saved(source.variables)), names: Self.keras)
        #expect(model.variables == source.variables)
        #expect(throws: VariablesError.self) { try model.load(file(Self.saved(source.variables))) }
    }

    @Test func twoNamesOfOneVariableAreRefused() throws {
        var model = try Self.model(seed: 1)
        var arrays = Self.saved(model.variables)
        arrays["bn1.weight"] = arrays["bn1/gamma"]
        let error = try #require(throws: VariablesError.self) {
            try model.load(file(arrays), names: Self.keras)
        }
        #expect(
            "\(error)"
                == "weights.h5: 'bn1.weight', 'bn1/gamma' are both 'bn1.weight' by the names of Keras; expected one. "
                + "Check that the file is from there, or correct the table of names.")
    }

    @Test(arguments: [
        ("blocks.2.0.conv_pw.weight", "features.2.0.1.weight"), ("blocks.2.0.conv_pw.weights", nil),
        ("xblocks.2.0.conv_pw.weight", nil), ("blocks.conv_pw.weight", nil), ("head", "classifier"),
        ("heads", nil),
        ("a--b", "b/a/-"), ("", nil),
    ])
    func everyStarTakesWhatStoodInItsPlace(_ name: String, _ path: String?) {
        let table = NameTable(
            "timm",
            [
                .init("blocks.*.*.conv_pw.weight", "features.*.*.1.weight"), .init("head", "classifier"),
                .init("a*-*b", "b/a*/*"),
            ])
        let array = NDArray(zeros: [1])
        #expect(table.translated(name, array).path == path ?? name)
    }
}
