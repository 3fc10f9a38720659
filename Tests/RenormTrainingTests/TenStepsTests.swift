import Foundation
import Renorm
import RenormTestSupport
import Testing

/// Ten steps of training against PyTorch's (batch, group, layer and instance normalization; the optimizers) and against
/// an independent NumPy implementation of batch renorm.
@Suite struct TenStepsTests {
    static let cases = [
        "batch", "group-8", "layer", "instance", "batch-examples-4", "renorm", "renorm-examples-4",
        "renorm-from-counter-0", "renorm-examples-4-from-counter-0",
    ]
    static let optimizers = ["batch-nesterov-smoothing-clipping", "batch-adamw", "batch-rmsprop"]

    @Test(arguments: (cases + optimizers).sampled(every: 2))
    func inDoubleEverythingIsEqual(_ name: String) throws {
        let setting = try TenStepsFixture(name)
        let run = try TenStepsRun(setting, on: ReferenceEngine(precision: .f64), type: .f64)
        let fixture = setting.fixture
        #expect(mismatch(vector(run.losses), fixture["losses"], tolerance: 1e-9, of: "losses") == nil)
        if fixture.names.contains("gradient_norms") {
            let norms = vector(run.gradientNorms)
            #expect(mismatch(norms, fixture["gradient_norms"], tolerance: 1e-9, of: "norms") == nil)
        }
        try expectVariables(run, setting, exact: 1e-9, stored: 1e-6)
        if fixture.names.contains("logits") {
            #expect(mismatch(run.logits, fixture["logits"], tolerance: 1e-9, of: "logits") == nil)
        }
    }

    @Test(arguments: cases + optimizers)
    func oneDNNIsAsCloseAsRoundingAllows(_ name: String) throws {
        try expectClose(TenStepsFixture(name), on: OneDNNEngine(threads: 2))
    }

    @Test(arguments: ["batch", "renorm-examples-4", "batch-adamw"])
    func referenceInFloatIsAsCloseAsRoundingAllows(_ name: String) throws {
        try expectClose(TenStepsFixture(name), on: ReferenceEngine(precision: .f32))
    }

    /// Distances are ‖found − expected‖ / ‖expected‖ of the worst tensor; where the fixture's own runs with rounded
    /// activations went further than a tolerance, so may an engine.
    private func expectClose(_ setting: TenStepsFixture, on engine: any Engine) throws {
        let run = try TenStepsRun(setting, on: engine, type: .f32)
        let fixture = setting.fixture
        func allowed(_ tolerance: Double, _ name: String) -> Double {
            max(tolerance, 3 * (setting.description.sensitivity?[name] ?? 0))
        }
        let losses = zip(run.losses, fixture["losses"].doubles).map { abs($0 / $1 - 1) }
        #expect(losses.max()! < min(allowed(1e-5, "losses"), 1e-4))
        for step in [1, 10] {
            for (path, value) in fixture.arrays(under: "gradient\(step).") where path != "norms" {
                let error = run.gradients[step]![path]!.distance(to: value)
                #expect(error < allowed(1e-4, "gradient\(step)"), "gradient \(step) of \(path)")
            }
            for (path, value) in fixture.arrays(under: "statistics\(step).") {
                let error = run.states[step]![path]!.value.distance(to: value)
                #expect(error < 1e-5, "\(path) after step \(step)")
            }
        }
        for (path, value) in fixture.arrays(under: "final.") where path != "norms" {
            let initial = setting.inputs["initial.\(path)"].prefix(of: value)
            let change = run.states[10]![path]!.value.prefix(of: value) - initial
            // Both ends are rounded to f32, of which the change is a small part.
            #expect(change.distance(to: value - initial) < allowed(0.005, "gradient10"), "change of \(path)")
        }
        if fixture.names.contains("logits") {
            #expect(run.logits.distance(to: fixture["logits"]) < allowed(1e-5, "logits"))
        }
    }

    /// Gradients, statistics and parameters; `exact` for what is stored in f64, `stored` for what is stored in f32.
    private func expectVariables(
        _ run: TenStepsRun, _ setting: TenStepsFixture, exact: Double, stored: Double
    ) throws {
        let fixture = setting.fixture
        for step in [1, 10] {
            let gradients = fixture.arrays(under: "gradient\(step).").filter { $0.name != "norms" }
            for (path, value) in gradients {
                let found = run.gradients[step]![path]!.prefix(of: value)
                #expect(mismatch(found, value, tolerance: stored, of: "gradient \(step) \(path)") == nil)
            }
            if !gradients.isEmpty {
                #expect(gradients.count == 17)
                let norms = vector(setting.description.parameters.map { run.gradients[step]![$0]!.norm })
                #expect(mismatch(norms, fixture["gradient\(step).norms"], tolerance: exact) == nil)
            }
            for (path, value) in fixture.arrays(under: "statistics\(step).") {
                let found = run.states[step]![path]!.value
                #expect(mismatch(found, value, tolerance: exact, of: "\(path) after step \(step)") == nil)
            }
        }
        let final = fixture.arrays(under: "final.").filter { $0.name != "norms" }
        #expect(final.count == 17 || final.count == 3)
        for (path, value) in final {
            let found = run.states[10]![path]!.value.prefix(of: value)
            #expect(mismatch(found, value, tolerance: stored, of: path) == nil)
            // The way from the start is what shows a wrong gradient; the file rounds its end to f32.
            let initial = setting.inputs["initial.\(path)"].prefix(of: value)
            let rounding = 1e-7 * (value.doubles.map(abs).max() ?? 0)
            #expect(
                mismatch(
                    found - initial, value - initial, tolerance: stored, absolute: rounding,
                    of: "change of \(path)") == nil)
        }
        if fixture.names.contains("final.norms") {
            let norms = vector(setting.description.parameters.map { run.states[10]![$0]!.value.norm })
            #expect(mismatch(norms, fixture["final.norms"], tolerance: exact) == nil)
        }
    }
}

private func vector(_ values: [Double]) -> NDArray { NDArray(values, shape: [values.count]) }

extension NDArray {
    /// As many of the first elements as `stored` has.
    fileprivate func prefix(of stored: NDArray) -> NDArray {
        NDArray(Array(doubles.prefix(stored.elementCount)), shape: stored.shape)
    }

    /// How far the stored part is off, as a share of the stored values.
    fileprivate func distance(to stored: NDArray) -> Double {
        (prefix(of: stored) - stored).norm / stored.norm
    }

    fileprivate var norm: Double { doubles.reduce(0) { $0 + $1 * $1 }.squareRoot() }

    fileprivate static func - (a: NDArray, b: NDArray) -> NDArray {
        NDArray(zip(a.doubles, b.doubles).map { $0 - $1 }, shape: a.shape)
    }
}
