import Renorm

/// How a network was adapted, and what that does.
struct AdaptationText: Encodable {
    struct Measures: Encodable {
        var accuracy: Double
        var loss: Double
        var examples: Int

        init(_ evaluation: Evaluation) {
            (accuracy, loss, examples) = (evaluation.accuracy, evaluation.loss, evaluation.examples)
        }
    }

    /// The target.
    var data: String
    var blend: String
    /// The pictures adapted to, and how often they passed.
    var images: Int
    var passes: Int
    var layers: [Adaptation.Layer]
    var order: DesignEffect?
    /// How many pictures are taken for each class before.
    var predicted: [Int]
    var effectiveClasses: Double
    var expectedClasses: Double
    var labelDistance: Double
    var labelDistanceError: Double
    var warnings: [String]
    /// On pictures that were held out, where they have labels.
    var before: Measures?
    var after: Measures?
    /// The pictures held out, and the part of them for which another class is the likeliest.
    var tested: Int?
    var changedAnswers: Double?
    /// The domains whose statistics the file has beside its own.
    var domains: [String]?
    var file = ""

    init(_ result: Adaptation.Result, blend: StatisticsBlend, data: String) {
        (self.data, self.blend, images, passes) = (data, "\(blend)", result.images, result.passes)
        (layers, order) = (result.layers, result.order)
        predicted = result.labels.counts
        (effectiveClasses, expectedClasses) = (result.labels.effectiveClasses, result.labels.expectedClasses)
        (labelDistance, labelDistanceError) = (result.labels.distance, result.labels.standardError)
        warnings = result.warnings(blend)
    }

    func print() throws {
        try say(
            "Adapted \(layers.count) normalization\(layers.count == 1 ? "" : "s") to \(images.grouped) pictures of \(data.visible), which "
                + "passed \(passes) times (blend \(blend)).")
        try say()
        func pair(_ value: Double, _ error: Double?) -> String {
            value.formatted(2) + (error.map { " ± \($0.formatted(2))" } ?? "")
        }
        try Table(
            ["normalization", "gap of means", "of deviations", "weight of the target's means", "variances"],
            right: [1, 2, 3, 4]
        ).print(
            layers.map {
                [
                    $0.path, pair($0.meanGap, $0.meanError), pair($0.deviationGap, $0.deviationError),
                    $0.meanWeight.formatted(2), $0.varianceWeight.formatted(2),
                ]
            })
        try say()
        if let before, let after {
            try Table(["on \(before.examples.grouped) held out", "before", "after"], right: [1, 2]).print([
                ["accuracy", before.accuracy.percent, after.accuracy.percent],
                ["loss", before.loss.formatted(4), after.loss.formatted(4)],
            ])
            try say()
        }
        if let tested, let changedAnswers {
            try say(
                "\(changedAnswers.percent) of the answers on \(tested.grouped) pictures held out are others than before."
            )
        }
        let place = "Wrote \(file.visible)"
        if let domains {
            try say(
                "\(place), with statistics of \(list(domains)) beside its own: renorm predict \(file.shellQuoted) PATH --domain "
                    + "\(domains[0])")
        } else {
            try say(
                "\(place). Use it in place of a run, or go on from it: renorm train --init \(file.shellQuoted) …"
            )
        }
    }
}
