import RenormArrays
import RenormGraphs
import Testing

/// A layer's worth of everything that a graph's text shows.
private func smallGraph() throws -> Graph {
    let builder = GraphBuilder()
    let x = builder.input("images", shape: [2, 4, 4, 1])
    let weight = try builder.variable(
        VariableSpecification(
            path: "conv1.weight", kind: .parameter, shape: [3, 1, 3, 3], initializer: .he(fanOut: 27),
            isTrainable: true))
    let y = try builder.within(path: "conv1", role: .output) {
        try x.convolution(weight, options: ConvolutionOptions(strides: [2, 2], padding: [1, 1, 1, 1]))
    }
    let loss = try y.relu().sum()
    builder.fetch(loss, as: "loss")
    builder.guardFinite(loss, path: "loss")
    let gradient = try builder.gradients(of: loss, for: [weight])[0]
    let rate = try builder.schedule("learning rate", .constant(0.1))
    try builder.within(path: "conv1", part: .update) {
        try builder.update("conv1.weight", to: weight - rate * gradient)
    }
    return builder.graph
}

@Suite struct GraphTextTests {
    @Test func aSmallGraphReadsLikeThis() throws {
        #expect(
            try smallGraph().description == """
                %0 = input "images" : f32[2, 4, 4, 1]
                %1 = variable "conv1.weight" : f32[3, 1, 3, 3]
                %2 = convolution(%0, %1) strides 2×2 padding 1,1,1,1 : f32[2, 2, 2, 3]  // conv1 output
                %3 = relu(%2) : f32[2, 2, 2, 3]
                %4 = reduce sum(%3) over [0, 1, 2, 3] : f32[]
                %5 = constant 1.0 : f32[]
                %6 = reshape(%5) : f32[1, 1, 1, 1]  // backward
                %7 = broadcast(%6) : f32[2, 2, 2, 3]  // backward
                %8 = reluGradient(%7, %3) : f32[2, 2, 2, 3]  // backward
                %9 = convolutionWeightGradient(%0, %8) strides 2×2 padding 1,1,1,1 : f32[3, 1, 3, 3]  // conv1 backward
                %10 = schedule "learning rate" : f32[]
                %11 = broadcast(%10) : f32[3, 1, 3, 3]  // conv1 update
                %12 = multiply(%11, %9) : f32[3, 1, 3, 3]  // conv1 update
                %13 = subtract(%1, %12) : f32[3, 1, 3, 3]  // conv1 update
                fetch loss = %4
                guard loss = %4
                update conv1.weight = %13
                """)
    }

    @Test func optionsShowInTheTextWhereTheyAreNotTheUsual() throws {
        let builder = GraphBuilder()
        let x = builder.input("x", shape: [4, 6, 6, 4])
        let weight = builder.input("w", shape: [4, 2, 3, 3])
        let vector = builder.constant(1, shape: [2, 4])
        let y = try x.convolution(weight, options: ConvolutionOptions(dilations: [2, 2], groups: 2))
        _ = try y.maxPool(PoolingOptions(window: [2, 2], strides: [1, 1]))
        _ = try y.averagePool(PoolingOptions(window: [2, 2], strides: [1, 1], countsPadding: false))
        _ = try x.affine(mean: vector, scale: vector, shift: vector, projecting: (vector, 2))
        _ = try x.momentVectors(groups: 2)
        _ = builder.uniform(shape: [3], seed: 4, stream: "dropout", counter: builder.step)
        let matrix = builder.input("matrix", shape: [3, 5])
        let product = try matrix.matmul(matrix, transposeRight: true)
        _ = try product.matmul(product, transposeLeft: true, transposeRight: true)
        _ = try product.softmaxCrossEntropy(
            labels: builder.input("labels", shape: [3], type: .i32), smoothing: 0.1)
        _ = try product.transposed([1, 0]).padded(low: [1, 0], high: [0, 2])
        _ = try Tensor.concatenate([product, product], axis: 1).slice(starts: [0, 2], shape: [2, 2])
        _ = try product.compare(.less, product).select(product, product)
        #expect(
            builder.graph.description == """
                %0 = input "x" : f32[4, 6, 6, 4]
                %1 = input "w" : f32[4, 2, 3, 3]
                %2 = constant 1.0 : f32[]
                %3 = broadcast(%2) : f32[2, 4]
                %4 = convolution(%0, %1) strides 1×1 padding 0,0,0,0 dilations 2×2 groups 2 : f32[4, 2, 2, 4]
                %5 = maxPool(%4) window 2×2 strides 1×1 padding 0,0,0,0 : f32[4, 1, 1, 4]
                %6 = averagePool(%4) window 2×2 strides 1×1 padding 0,0,0,0 not counted : f32[4, 1, 1, 4]
                %7 = affine(%0, %3, %3, %3, %3) projecting over groups of channels: 2 : f32[4, 6, 6, 4]
                %8 = moments(%0) groups 2 : f32[2, 2, 4]
                %9 = step : f32[]
                %10 = random(%9) seed 4 stream \(Random.streamNumber("dropout")) : f32[3]
                %11 = input "matrix" : f32[3, 5]
                %12 = matmul(%11, %11) right transposed : f32[3, 3]
                %13 = matmul(%12, %12) left transposed, right transposed : f32[3, 3]
                %14 = input "labels" : i32[3]
                %15 = softmaxCrossEntropy(%12, %14) smoothing 0.1 : f32[3]
                %16 = transpose(%12) [1, 0] : f32[3, 3]
                %17 = pad(%16) low [1, 0] high [0, 2] : f32[4, 5]
                %18 = concatenate(%12, %12) axis 1 : f32[3, 6]
                %19 = slice(%18) from [0, 2] : f32[2, 2]
                %20 = less(%12, %12) : f32[3, 3]
                %21 = select(%20, %12, %12) : f32[3, 3]
                """)
    }

    @Test func tracingTwiceGivesTheSameText() throws {
        #expect(try smallGraph().description == smallGraph().description)
        #expect(try smallGraph().nodes == smallGraph().nodes)
    }
}

@Suite struct GraphTests {
    @Test func pruningKeepsWhatIsRequestedAndEveryInput() throws {
        let builder = GraphBuilder()
        let unused = builder.input("unused", shape: [3])
        let x = builder.input("x", shape: [2])
        _ = try unused * unused
        let y = try x + 1
        _ = y.unary(.exp)
        builder.fetch(y, as: "y")
        builder.guardFinite(x.unary(.tanh), path: "guard")
        #expect(
            builder.graph.pruned().description == """
                %0 = input "unused" : f32[3]
                %1 = input "x" : f32[2]
                %2 = constant 1.0 : f32[]
                %3 = broadcast(%2) : f32[2]
                %4 = add(%1, %3) : f32[2]
                %5 = tanh(%1) : f32[2]
                fetch y = %4
                guard guard = %5
                """)
        #expect(builder.graph.pruned().inputs == builder.graph.inputs)
        #expect(builder.graph.pruned().pruned().nodes == builder.graph.pruned().nodes)
    }

    @Test func aSourceIsOneNodeHoweverOftenItIsAskedFor() throws {
        let builder = GraphBuilder()
        let specification = VariableSpecification(
            path: "w", kind: .parameter, shape: [2], initializer: .constant(0))
        #expect(try builder.variable(specification).id == builder.variable(specification).id)
        #expect(try builder.variable(at: "w").id == builder.variable(specification).id)
        #expect(builder.constant(2).id == builder.constant(2).id)
        #expect(builder.step.id == builder.step.id)
        let rate = try builder.schedule("rate", .constant(1))
        #expect(try builder.schedule("rate", .constant(1)).id == rate.id)
    }

    @Test func consumersAreListedOnceEachInOrder() throws {
        let builder = GraphBuilder()
        let x = builder.input("x", shape: [2])
        let square = try x * x
        let sum = try square + x
        #expect(builder.graph.consumers[x.id.index] == [square.id, sum.id])
        #expect(builder.graph.consumers[sum.id.index] == [])
        builder.fetch(sum, as: "sum")
        builder.guardFinite(square, path: "square")
        #expect(builder.graph.requested == [sum.id, square.id])
    }

    @Test func pathAndRoleLastForAScope() throws {
        let builder = GraphBuilder()
        let x = builder.input("x", shape: [2])
        let inside = builder.within(path: "layer1", role: .moments) { x.unary(.exp) }
        let outside = x.unary(.exp)
        #expect(builder.graph[inside.id].path == "layer1")
        #expect(builder.graph[inside.id].role == .moments)
        #expect(builder.graph[outside.id].path == "")
        builder.mark(outside, as: .output, path: "layer2")
        #expect(builder.graph[outside.id].role == .output)
    }
}

@Suite struct GradientStructureTests {
    @Test func whatTheLossDoesNotDependOnHasTheGradientZero() throws {
        let builder = GraphBuilder()
        let (x, other) = (builder.input("x", shape: [2]), builder.input("other", shape: [3]))
        let stopped = try x.sum() + other.stoppingGradient().sum()
        let gradient = try builder.gradients(of: stopped, for: [other])[0]
        #expect(gradient.shape == [3])
        #expect(builder.graph[gradient.id].op == .broadcast)
        #expect(builder.graph[builder.graph[gradient.id].inputs[0]].op == .constant(0))
    }

    @Test func nothingIsComputedForWhatIsNotAskedFor() throws {
        let builder = GraphBuilder()
        let x = builder.input("x", shape: [1, 4, 4, 2])
        let weight = builder.input("w", shape: [3, 2, 3, 3])
        let loss = try x.convolution(weight).sum()
        _ = try builder.gradients(of: loss, for: [weight])
        let operations = builder.graph.nodes.map(\.op.name)
        #expect(operations.contains("convolutionWeightGradient"))
        #expect(!operations.contains("convolutionInputGradient"))
    }

    @Test func gradientsCarryThePathOfWhatTheyDifferentiate() throws {
        let builder = GraphBuilder()
        let x = builder.input("x", shape: [2])
        let y = try builder.within(path: "layer1") { try x * x }
        let gradient = try builder.gradients(of: y.sum(), for: [x])[0]
        #expect(builder.graph[gradient.id].part == .backward)
        let product = try #require(
            builder.graph.nodes.last { $0.op == .binary(.multiply) && $0.part == .backward })
        #expect(product.path == "layer1")
    }

    @Test func roundingToWholeNumbersHasNoSlope() throws {
        let builder = GraphBuilder()
        let x = builder.input("x", shape: [2])
        let rounded = x.converted(to: .i32).converted(to: .f32)
        let gradient = try builder.gradients(of: (rounded * x).sum(), for: [x])[0]
        #expect(!builder.graph.nodes.contains { $0.part == .backward && $0.op == .convert })
        #expect(gradient.type == .f32)
    }
}
