import Renorm
import RenormTestSupport
import Testing

@Suite struct DenseTests {
    @Test func multipliesByTheTransposedWeightAndAddsTheBias() throws {
        var model = try Model(Dense(2), input: [3])
        model.variables["weight"]!.value = NDArray([1, 2, 3, 4, 5, 6] as [Float], shape: [2, 3])
        model.variables["bias"]!.value = NDArray([10, 20] as [Float], shape: [2])
        let found = try model.output(NDArray([1, 0, -1, 0, 2, 0] as [Double], shape: [2, 3]))
        #expect(found == NDArray([8, 18, 14, 30] as [Double], shape: [2, 2]))
        #expect(try Model(Dense(2, bias: false), input: [3]).variables.paths == ["weight"])
    }

    @Test func flattenPutsAllPixelsOfAChannelTogether() throws {
        let images = NDArray((0..<12).map(Double.init), shape: [1, 2, 2, 3])
        let channelsFirst = try Model(Flatten(), input: [2, 2, 3]).output(images)
        #expect(
            channelsFirst == NDArray([0, 3, 6, 9, 1, 4, 7, 10, 2, 5, 8, 11] as [Double], shape: [1, 12]))
        let asStored = try Model(Flatten(channelsFirst: false), input: [2, 2, 3]).output(images)
        #expect(asStored.doubles == (0..<12).map(Double.init))
    }

    @Test func activationsAreTheirFunctions() throws {
        let x = NDArray([-2, -0.5, 0, 0.5, 7] as [Double], shape: [1, 5])
        func apply(_ layer: any Layer) throws -> [Double] { try Model(layer, input: [5]).output(x).doubles }
        #expect(try apply(ReLU()) == [0, 0, 0, 0.5, 7])
        #expect(try apply(ReLU6()) == [0, 0, 0, 0.5, 6])
        let sigmoid = try apply(Sigmoid())
        #expect(sigmoid[2] == 0.5 && abs(sigmoid[0] - 0.11920292202211755) < 1e-15)
        let silu = try apply(SiLU())
        for index in 0..<5 { #expect(abs(silu[index] - x.doubles[index] * sigmoid[index]) < 1e-15) }
        // PyTorch's F.gelu, exact and approximated by tanh.
        let gelu = [-0.04550026389635842, -0.15426876936299344, 0, 0.34573123063700656, 6.999999999991041]
        let byTanh = [-0.04540230591222494, -0.15428599017485606, 0, 0.34571400982514394, 6.999999999999997]
        for (found, expected) in [(try apply(GELU()), gelu), (try apply(GELU(isApproximate: true)), byTanh)] {
            for index in 0..<5 { #expect(abs(found[index] - expected[index]) < 1e-14) }
        }
        let far = NDArray([-.infinity, .infinity, .nan, -40, 40] as [Double], shape: [1, 5])
        for layer in [GELU(), GELU(isApproximate: true)] {
            let found = try Model(layer, input: [5]).output(far).doubles
            #expect(
                found[0].isNaN && found[1] == .infinity && found[2].isNaN && found[3] == 0)
            #expect(abs(found[4] - 40) < 1e-13)
        }
    }
}
