import Renorm
import RenormTestSupport
import Testing

@Suite struct ConversionReportTests {
    private func model() throws -> Model {
        var model = try Model(
            Small(classes: 3, width: 0.125, normalization: Normalization(.batch)), input: [8, 8, 1])
        for (path, variable) in model.variables where path.hasSuffix("running_mean") {
            model.variables[path]!.value = NDArray(repeating: Float(0.5), shape: variable.value.shape)
        }
        return model
    }

    @Test func anExactConversionSaysThatInferenceStays() throws {
        let model = try model()
        let report = try ConversionReport(from: model, to: model.converting("bn1", to: .batchRenorm))
        #expect(report.keepsInference && report.layers.count == 1)
        #expect(report.layers[0].kept == ["bias", "running_mean", "weight"])
        #expect(report.layers[0].carried == ["num_batches_tracked"])
        #expect(report.layers[0].lost == ["running_var"])
        #expect(report.layers[0].new == ["gains", "innovations", "running_std"])
        #expect(
            report.description.hasPrefix(
                "1 batch normalization becomes batch-renorm: inference gives what it gave."))
        #expect(
            try ConversionReport(from: model, to: model).description == "No normalization becomes another.")
        #expect(try ConversionReport(from: model, to: model.converting(to: .frozen)).keepsInference)
    }

    @Test(arguments: [.group(2), .layer, .instance, .filterResponse] as [any NormalizationKind])
    func aConversionThatNeedsTrainingSaysSo(_ kind: any NormalizationKind) throws {
        let model = try model()
        let report = try ConversionReport(
            from: model, to: model.converting(to: kind),
            effect: ConversionEffect(images: 40, logitDistance: 0.12345, changedAnswers: 0.125))
        #expect(!report.keepsInference && report.layers.count == 5)
        #expect(
            report.layers.allSatisfy { $0.lost == ["num_batches_tracked", "running_mean", "running_var"] })
        let text = report.description
        #expect(
            text.contains(
                "5 batch normalizations become \(kind.word): inference changes, and the network needs training."
            ))
        #expect(
            text.hasSuffix(
                "Before any training, on 40 images: logits move by 0.123 of their standard deviation, and 12.5 % of the answers "
                    + "change."))
        #expect(report.layers[0].new == (kind is FilterResponseNormalization ? ["threshold"] : []))
    }

    @Test func theWayBackLosesNoAveragesButNeedsSome() throws {
        let group = try model().converting(to: .group(2))
        let report = try ConversionReport(from: group, to: group.converting("bn2", to: .batch))
        #expect(!report.keepsInference)
        #expect(report.layers.map(\.new) == [["num_batches_tracked", "running_mean", "running_var"]])
        #expect(report.layers[0].kept == ["bias", "weight"])
    }
}
