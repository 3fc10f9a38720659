import Renorm
import RenormTestSupport
import Testing

@Suite struct FreezingTests {
    private let network = Sequential {
        Sequential {
            ConvolutionUnit(Convolution(4, kernel: 3, bias: false), Normalization(.batchRenorm))
            Dropout(0.5)
        }.named("trunk")
        ConvolutionUnit(
            Convolution(4, kernel: 3, bias: false), Normalization(.batch), names: ("conv", "bn"))
        GlobalAveragePool()
        Dense(3).named("fc")
    }

    private func graph(_ overrides: [Override], phase: Phase = .training) throws -> Graph {
        try Model(network, input: [8, 8, 1], overrides: overrides).graph(batch: 4, phase: phase).pruned()
    }

    /// The paths in the trunk that gradients change, those that a step of this phase updates, and whether anything is drawn there.
    private func trunk(_ graph: Graph) -> (trained: Set<String>, updated: Set<String>, draws: Bool) {
        let trained = graph.variables.values.filter(\.isTrainable).map(\.path)
        func inside(_ paths: [String]) -> Set<String> { Set(paths.filter { $0.hasPrefix("trunk.") }) }
        return (
            inside(trained), inside(graph.updates.map(\.path)),
            graph.nodes.contains { if case .random = $0.op { true } else { false } }
        )
    }

    private let parameters: Set<String> = ["trunk.0.weight", "trunk.1.weight", "trunk.1.bias"]
    private let statistics: Set<String> = [
        "trunk.1.running_mean", "trunk.1.running_std", "trunk.1.gains", "trunk.1.innovations",
        "trunk.1.num_batches_tracked",
    ]

    @Test func parametersAndStatisticsAreFrozenTogetherOrAlone() throws {
        #expect(try trunk(graph([])) == (parameters, statistics, true))
        #expect(try trunk(graph([.freeze("trunk")])) == ([], [], false))
        #expect(try trunk(graph([.freeze("trunk", .parameters)])) == ([], statistics, true))
        #expect(try trunk(graph([.freeze("trunk", .statistics)])) == (parameters, [], true))
        // One after the other is both.
        let both: [Override] = [.freeze("trunk", .parameters), .freeze("**", .statistics)]
        #expect(try trunk(graph(both)) == ([], [], false))
        // By their own names.
        #expect(try trunk(graph([.freeze("**.weight", .parameters)])).trained == ["trunk.1.bias"])
        let means = try trunk(graph([.freeze("**.running_mean", .statistics)]))
        #expect(means == (parameters, statistics.subtracting(["trunk.1.running_mean"]), true))
    }

    @Test(arguments: [Phase.training, .batchStatistics])
    func noPhaseUndoesIt(_ phase: Phase) throws {
        let frozen = try graph([.freeze("**"), Override("**", phase: phase)], phase: phase)
        #expect(trunk(frozen) == ([], [], false))
        #expect(frozen.nodes.allSatisfy { if case .moments = $0.op { false } else { true } })
        let images = randomArray([4, 8, 8, 1])
        let model = try Model(
            network, input: [8, 8, 1], overrides: [.freeze("**"), Override("trunk", phase: phase)])
        #expect(try model.output(images, phase: phase) == model.output(images))
    }

    @Test func unfreezingUndoesIt() throws {
        #expect(try trunk(graph([.freeze("**"), .unfreeze("trunk")])) == (parameters, statistics, true))
        #expect(try trunk(graph([.freeze("**"), .unfreeze("trunk", .statistics)])) == ([], statistics, true))
        #expect(
            try trunk(graph([.freeze("**"), .unfreeze("**.bias", .parameters)])).trained == ["trunk.1.bias"])
    }

    @Test func itIsSavedWithTheModel() throws {
        for what in Freezing.allCases {
            let saved = Override.freeze("layer1", what)
            #expect(try JSONCoder.decode(Override.self, from: JSONCoder.encode(saved)) == saved)
        }
        // As earlier versions wrote it.
        let phase = #"{"statistics":"moving","corrects":false,"updatesStatistics":false,"dropout":false}"#
        let earlier = #"{"pattern":"trunk","isTrainable":false,"phase":\#(phase)}"#
        let read = try JSONCoder.decode(Override.self, from: earlier)
        #expect(try trunk(graph([read])) == ([], [], false))
    }

    @Test func aMisspeltPartIsAnError() throws {
        let model = try Model(network, input: [8, 8, 1])
        #expect(try model.freezing("trunk").overrides == [.freeze("trunk")])
        #expect(throws: GraphError.self) { try model.freezing("trnk") }
        // A dense layer has no statistics.
        #expect(throws: GraphError.self) { try model.freezing("fc", .statistics) }
        #expect(throws: GraphError.self) { try model.freezing(first: 4) }
        #expect(throws: GraphError.self) { try model.freezing(first: -1) }
    }

    // MARK: Depth

    @Test func unitsAreConvolutionsWithWhatFollowsAndWholeBlocks() throws {
        let model = try Model(network, input: [8, 8, 1])
        let units = try model.units().map(\.layers)
        #expect(
            units == [
                ["trunk.0", "trunk.1", "trunk.2", "trunk.3"], ["conv", "bn", "3", "4"], ["fc"],
            ])
        func count(_ name: String, _ input: TensorShape, stem: Stem = .cifar) throws -> Int {
            try Architecture(
                name: name, stem: stem, classes: 3, input: input, normalization: Normalization(.group(2))
            ).makeModel(seed: 1).units().count
        }
        let counts = try [
            count("small:0.125", [8, 8, 1]), count("resnet18", [32, 32, 3]),
            count("resnet50", [64, 64, 3], stem: .imagenet), count("mobilenetv2", [32, 32, 3]),
        ]
        // Of the 17 blocks ten are added to their input; the others are chains of two or three convolutions, and the first and the
        // last convolution and the dense layer stand alone.
        #expect(counts == [6, 10, 18, 10 + 2 + 6 * 3 + 3])
    }

    @Test func theFirstUnitsAreFrozenAndNoOthers() throws {
        let resnet = try Architecture(
            name: "resnet18", classes: 3, input: [32, 32, 3], normalization: Normalization(.batch)
        ).makeModel(seed: 1)
        let frozen = try resnet.freezing(first: 4)
        #expect(
            frozen.overrides.map(\.pattern.description) == ["bn1", "conv1", "layer1", "layer2.0"])
        let description = try frozen.describe()
        let names = Set(description.variables.filter(\.isFrozen).map { $0.path.prefix { $0 != "." } })
        #expect(names == ["conv1", "bn1", "layer1", "layer2"])
        #expect(description.variables.filter { $0.path.hasPrefix("layer2.1") }.allSatisfy { !$0.isFrozen })
        #expect(try resnet.freezing(first: 0).overrides == [])
        let all = try resnet.freezing(first: 10).describe()
        #expect(all.variables.allSatisfy(\.isFrozen) && all.trainableParameters == 0)
    }

    // MARK: Description

    @Test func theDescriptionSaysWhatNormalizesWhen() throws {
        let network = Sequential {
            Normalization(.batchRenorm).named("renorm")
            Normalization(.batch(examples: 4)).named("groups")
            Normalization(.frozen).named("frozen")
            Normalization(.group(2), scale: false, shift: false).named("group")
            Normalization(.none).named("none")
            Normalization(.batch).named("still")
            Normalization(.batch).named("fixed")
            Normalization(.batch).named("odd")
        }
        let model = try Model(
            network, input: [4, 4, 2],
            overrides: [
                .freeze("still", .statistics), .freeze("fixed", .parameters),
                Override("odd", phase: .batchStatistics),
            ])
        let description = try model.describe()
        let found = description.normalizations.map {
            "\($0.path) \($0.kind): trained \($0.isTrained), \($0.training)/\($0.inference), updates \($0.updates)"
        }
        #expect(
            found == [
                "renorm batch-renorm: trained true, batch/moving, updates true",
                "groups batch: trained true, batch/moving, updates true",
                "frozen frozen: trained true, moving/moving, updates false",
                "group group:2: trained false, example/example, updates false",
                "none none: trained false, none/none, updates false",
                "still batch: trained true, moving/moving, updates false",
                "fixed batch: trained false, batch/moving, updates true",
                "odd batch: trained true, batch/batch, updates false",
            ])
        let frozen = description.variables.filter { $0.isFrozen && $0.path.hasPrefix("still") }
        #expect(
            frozen.map(\.path) == ["still.running_mean", "still.running_var", "still.num_batches_tracked"])
        let data = try JSONCoder.encode(description)
        #expect(try JSONCoder.decode(ModelDescription.self, from: data) == description)
    }
}
