import Renorm
import RenormTestSupport
import Testing

@Suite struct CombinatorTests {
    private let one = Convolution(4, kernel: 1, bias: false)

    private func weights(_ layer: any Layer, input: TensorShape = [6, 6, 4]) throws -> [String] {
        try Model(layer, input: input).variables.paths.filter { $0.hasSuffix(".weight") }
    }

    @Test func layersAreNamedByTheirPlaceUnlessTheyHaveAName() throws {
        let network = Sequential {
            one
            ReLU()
            one.named("second")
            Sequential {
                ReLU()
                one
            }
            one
        }
        #expect(try weights(network) == ["0.weight", "second.weight", "3.1.weight", "4.weight"])
    }

    @Test func partsOfResidualAndBranchesTakeThePlacesThatFollow() throws {
        let network = Sequential {
            one
            Residual {
                one
                ReLU()
                one
            } shortcut: {
                one
            }
            Branches {
                one
                Sequential {
                    one
                    one
                }
            }
            Residual {
                Convolution(8, kernel: 1, bias: false).named("conv")
            } shortcut: {
                Sequential { Convolution(8, kernel: 1, bias: false) }
            }
            one
        }
        // 0 | body 1, 2, 3, shortcut 4 | branches 5, 6 | body 7, shortcut 8 | 9
        #expect(
            try weights(network) == [
                "0.weight", "1.weight", "3.weight", "4.weight", "5.weight", "6.0.weight", "6.1.weight",
                "conv.weight", "8.0.weight", "9.weight",
            ])
    }

    @Test func torchvisionsNamesCanBeSpoken() throws {
        let block = Sequential {
            Residual {
                Convolution(8, kernel: 3, stride: 2, padding: .all(1), bias: false).named("conv1")
                Normalization(.batch).named("bn1")
            } shortcut: {
                Sequential {
                    Convolution(8, kernel: 1, stride: 2, padding: .valid, bias: false)
                    Normalization(.batch)
                }.named("downsample")
            }
            ReLU()
        }.named("layer1")
        #expect(
            try weights(block) == [
                "layer1.conv1.weight", "layer1.bn1.weight", "layer1.downsample.0.weight",
                "layer1.downsample.1.weight",
            ])
    }

    @Test func residualAddsBodyAndShortcut() throws {
        let images = randomArray([2, 4, 4, 3])
        let body = Sequential {
            Convolution(3, kernel: 3)
            ReLU()
        }
        let around = try Model(Residual { body.layers }, input: [4, 4, 3], seed: 1)
        let alone = try Model(body, input: [4, 4, 3], seed: 1)
        let expected = zip(try alone.output(images).doubles, images.doubles).map { $0 + $1 }
        #expect(try around.output(images).doubles == expected)
    }

    @Test func aShortcutThatDoesNotFitIsAnErrorNamingBothShapes() {
        let block = Residual { Convolution(8, kernel: 3, stride: 2) }
        let error = #expect(throws: GraphError.self) {
            try Model(Sequential { block }.named("block"), input: [6, 6, 4])
        }
        #expect(
            error?.description
                == "residual at 'block': found [1, 3, 3, 8] and [1, 6, 6, 4]; expected equal shapes of body and "
                + "shortcut; give it a shortcut that strides and widens. "
                + "Check what the layer before it gives and how this one is configured.")
    }

    @Test func branchesConcatenateChannels() throws {
        let images = randomArray([2, 4, 4, 3])
        let network = Branches {
            Convolution(2, kernel: 1)
            Convolution(5, kernel: 3)
            MaxPool(3, stride: 1, padding: .same)
        }
        let output = try Model(network, input: [4, 4, 3], seed: 2).output(images)
        #expect(output.shape == [2, 4, 4, 10])
        for (index, (layer, channels)) in zip(network.branches, [0..<2, 2..<7, 7..<10]).enumerated() {
            let alone = try Model(layer.named("\(index)"), input: [4, 4, 3], seed: 2)
            let part = try alone.output(images)
            for channel in channels {
                #expect(
                    output.channel(channel, examples: 0..<2)
                        == part.channel(channel - channels.lowerBound, examples: 0..<2))
            }
        }
        let vectors = Branches {
            GlobalAveragePool()
            Sequential {
                Flatten()
                Dense(2)
            }
        }
        #expect(try Model(vectors, input: [4, 4, 3]).output(images).shape == [2, 5])
    }

    @Test func branchesThatDoNotFitAreErrors() {
        let uneven = Branches {
            Convolution(2, kernel: 3)
            Convolution(2, kernel: 3, padding: .valid)
        }
        let error = #expect(throws: GraphError.self) { try Model(uneven.named("b"), input: [4, 4, 3]) }
        #expect(
            error?.description.hasPrefix("concatenate at 'b': found [1, 4, 4, 2] and [1, 2, 2, 2]") == true)
        let none = Branches { [] as [any Layer] }
        #expect(
            throws: GraphError.option(
                operation: "branches", path: "b", found: "no branches", expected: "at least one")
        ) {
            try Model(none.named("b"), input: [4, 4, 3])
        }
    }

    @Test func buildersTakeLoopsAndChoices() throws {
        func network(deep: Bool, pools: Bool) -> Sequential {
            Sequential {
                for _ in 0..<2 { one }
                if deep {
                    one.named("deep")
                } else {
                    one.named("shallow")
                }
                if pools { MaxPool(2) }
                [ReLU(), one] as [any Layer]
            }
        }
        #expect(
            try weights(network(deep: true, pools: true)) == [
                "0.weight", "1.weight", "deep.weight", "5.weight",
            ])
        #expect(
            try weights(network(deep: false, pools: false)) == [
                "0.weight", "1.weight", "shallow.weight", "4.weight",
            ])
    }
}
