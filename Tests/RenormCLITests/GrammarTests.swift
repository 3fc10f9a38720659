import Foundation
import Renorm
import RenormCLI
import Testing

/// What `--norm` and `--setting` of `renorm compare` can say.
struct GrammarTests {
    @Test func contendersAreRead() throws {
        let setting = try Experiment.Setting(parsing: "four: shuffled examples=4 batch=16")
        #expect(setting.name == "four" && setting.batchSize == 16 && setting.examples == 4)
        func recipe(_ text: String) throws -> Experiment.Recipe {
            var recipe = Experiment.Recipe(
                setting: setting,
                architecture: Architecture(
                    name: "small", classes: 3, input: [8, 8, 1], normalization: Normalization(.none)),
                configuration: TrainingConfiguration(
                    options: TrainingOptions(learningRate: .constant(1)), steps: 100))
            try Experiment.Contender(parsing: text).change(&recipe)
            return recipe
        }
        func layer(_ text: String) throws -> Normalization { try recipe(text).architecture.normalization }
        func renorm(_ correction: BatchRenormalization.Correction) -> Normalization {
            Normalization(.batchRenorm(correction, examples: 4))
        }
        #expect(try layer("batch") == Normalization(.batch(examples: 4)))
        #expect(try layer("batch-renorm") == renorm(.automatic))
        #expect(try layer("BN, half: batch examples=half").examples == 2)
        #expect(try layer("batch examples=all").examples == nil)
        #expect(
            try layer("batch-renorm limits=ramp:0.1:0.5:3:5")
                == renorm(.limits(.ramp(from: 10, rMax: 3, at: 50, dMax: 5, at: 50))))
        #expect(try layer("batch rate=0.3") == Normalization(.batch(averagingRate: 0.3, examples: 4)))
        let perGroup = try #require(try layer("batch rate=0.1/group").kind as? BatchNormalization)
        #expect(abs(perGroup.averagingRate - (1 - pow(0.9, 4))) < 1e-15)
        #expect(try layer("batch-renorm gain=0.05") == renorm(.selfTuning(.fixed(gain: 0.05))))
        #expect(
            try layer("batch-renorm r-max=2 d-max=1 widening=0")
                == renorm(.selfTuning(SelfTuning(filter: MomentFilter(rMax: 2, dMax: 1, widening: 0)))))
        #expect(
            try layer("batch-renorm projection=group")
                == renorm(.selfTuning(SelfTuning(projectsOverGroups: true))))
        #expect(
            try layer("batch-renorm limits=open projection=step")
                == renorm(.limits(.open, stepProjection: 1)))
        #expect(
            try recipe("GN: group:8 learning-rate=0.05").configuration.options.learningRate
                == .cosine(from: 0.05, steps: 100))
        #expect(try Experiment.Contender(parsing: "GN: group:8").name == "GN")
    }

    @Test(arguments: [
        ("", "batch-renorm"), ("bn", "batch-renorm"), ("batch rate=2", "0 to 1"), ("batch rate", "such as"),
        ("batch-renorm limits=wide", "auto"), ("batch examples=0", "half, all"),
        ("batch width=3", "rate, examples, epsilon"),
        ("batch-renorm spread=wide", "spread"), ("batch learning-rate=-1", "above 0"),
        ("batch-renorm rate=0.1", "limits=ramp"),
        ("batch-renorm limits=open gain=0.1", "automatic limits"),
        ("batch-renorm projection=0.95", "limits=ramp"), ("batch projection=step", "rate, examples"),
        ("batch gain=0.1", "rate, examples"), ("group:8 limits=ramp", "epsilon, scale, shift, weights"),
        ("instance rate=0.1", "epsilon, scale"), ("frozen rate=0.3", "epsilon, scale"),
        ("group:8 examples=half", "epsilon, scale"),
        ("frozen examples=4", "epsilon, scale"),
    ])
    func wrongContendersAreDescribed(text: String, expected: String) {
        let error = #expect(throws: UsageError.self) { try Experiment.Contender(parsing: text) }
        #expect(error.map { "\($0)".contains(expected) } == true, "\(String(describing: error))")
    }

    @Test(arguments: [
        ("shuffled examples=5 batch=16", "found groups of 5 in batches of 16; expected a divisor"),
        ("shuffled batch=0", "found 'batch=0'; expected examples=NUMBER or batch=NUMBER, 1 to 2147483647"),
        ("", "found no order of examples; expected such as shuffled"), ("shuffled 4", "found '4'; expected"),
    ])
    func wrongSettingsAreDescribed(text: String, expected: String) {
        let error = #expect(throws: UsageError.self) { try Experiment.Setting(parsing: text) }
        #expect(error.map { "\($0)".contains("The setting '\(text)': \(expected)") } == true)
    }

    /// Results of earlier versions are told apart by these texts.
    @Test func textsOfResultsAreThoseOfEarlierVersions() throws {
        for (text, batchSize, expected) in [
            ("fours: shuffled examples=4", 32, "shuffled examples=4"),
            ("shuffled", 16, "shuffled batch=16"),
            ("sorted batch=8 examples=2", 16, "sorted batch=8 examples=2"),
        ] {
            #expect(try Experiment.Setting(parsing: text, batchSize: batchSize).text == expected)
        }
        #expect(
            try Experiment.Contender(parsing: "GN: group:8 learning-rate=0.05").text
                == "group:8 learning-rate=0.05")
    }

}
