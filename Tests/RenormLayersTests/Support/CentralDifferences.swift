import Renorm
import RenormTestSupport

extension Model {
    /// `nil` if the gradients of Σ weights·y, by `x` and each trained parameter, agree with central differences in f64 of
    /// the output, else a sentence that says where they do not.
    ///
    /// - Parameter samples: The number of elements of each to try.
    func gradientMismatch(
        _ images: NDArray, weights: NDArray, phase: Phase = .training, samples: Int = 24
    ) throws -> String? {
        let (_, gradients) = try gradients(images, weights: weights, phase: phase)
        func loss(_ model: Model, _ images: NDArray) throws -> Double {
            zip(try model.output(images, phase: phase).doubles, weights.doubles).reduce(0) {
                $0 + $1.0 * $1.1
            }
        }
        let step = 1e-5
        for (name, gradient) in gradients.sorted(by: { $0.key < $1.key }) {
            var random = Random(seed: 3, stream: name)
            let places = random.permutation(gradient.elementCount).prefix(samples)
            let numeric = try places.map { place in
                func moved(by distance: Double) throws -> Double {
                    var (model, images) = (self, images.converted(to: .f64))
                    if name == "x" {
                        images.withMutableValues(of: Double.self) { $0[place] += distance }
                    } else {
                        var value = model.variables[name]!.value.converted(to: .f64)
                        value.withMutableValues(of: Double.self) { $0[place] += distance }
                        model.variables[name]!.value = value
                    }
                    return try loss(model, images)
                }
                return try (moved(by: step) - moved(by: -step)) / (2 * step)
            }
            let analytic = gradient.doubles
            let largest = analytic.map(abs).max()!
            let problem = mismatch(
                vector(places.map { analytic[$0] }), vector(numeric), tolerance: 0,
                absolute: max(1e-6 * largest, 1e-8), of: "gradient of \(name), elements \(places)")
            if let problem { return problem }
        }
        return nil
    }
}
