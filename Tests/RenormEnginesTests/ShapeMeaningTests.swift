import RenormArrays
import RenormEngines
import RenormGraphs
import RenormTestSupport
import Testing

/// What moves values, against what its definition says of every index.
@Suite struct ShapeMeaningTests {
    private let x = randomArray([2, 3, 4, 5])

    /// The result of a function, in f64.
    private func value(_ function: ([Tensor]) throws -> Tensor, of arrays: NDArray...) throws -> NDArray {
        let engine = ReferenceEngine(precision: .f64)
        let builder = GraphBuilder()
        let arguments = arrays.indices.map { builder.input("\($0)", shape: arrays[$0].shape) }
        builder.fetch(try function(arguments), as: "y")
        var results: [NDArray] = []
        try engine.compile(builder.graph).run(
            arrays, step: 0, on: engine.makeStore(Variables()), into: &results)
        return results[0]
    }

    /// The array of a shape whose element at each index is what `element` says.
    private func array(_ shape: TensorShape, _ element: ([Int]) -> Double) -> NDArray {
        let values = (0..<shape.elementCount).map { place in
            element(zip(shape.strides, shape.dimensions).map { place / $0 % $1 })
        }
        return NDArray(values, shape: shape)
    }

    private func at(_ index: [Int], _ array: NDArray) -> Double {
        array.doubles[zip(index, array.shape.strides).reduce(0) { $0 + $1.0 * $1.1 }]
    }

    @Test(arguments: [
        [0, 1, 2, 3], [3, 2, 1, 0], [0, 3, 1, 2], [0, 2, 3, 1], [1, 2, 3, 0], [2, 0, 3, 1],
    ])
    func transposeAxisIOfTheResultIsAxisPermutationI(_ permutation: [Int]) throws {
        let found = try value({ try $0[0].transposed(permutation) }, of: x)
        let expected = array(TensorShape(permutation.map { x.shape[$0] })) { index in
            var source = [Int](repeating: 0, count: 4)
            for (i, axis) in permutation.enumerated() { source[axis] = index[i] }
            return at(source, x)
        }
        #expect(found == expected)
        #expect(found == x.transposed(permutation))
    }

    @Test func broadcastAlignedAtTheLastAxisExtent1Repeats() throws {
        let small = randomArray([3, 1, 5])
        let found = try value({ try $0[0].broadcast(to: [2, 3, 4, 5]) }, of: small)
        #expect(found == array([2, 3, 4, 5]) { at([$0[1], 0, $0[3]], small) })
    }

    @Test func sliceThePartThatBeginsAtTheStarts() throws {
        let found = try value({ try $0[0].slice(starts: [1, 0, 2, 1], shape: [1, 3, 2, 3]) }, of: x)
        #expect(found == array([1, 3, 2, 3]) { at([$0[0] + 1, $0[1], $0[2] + 2, $0[3] + 1], x) })
        let rows = try value({ try $0[0].slice(starts: [1, 0, 0, 0], shape: [1, 3, 4, 5]) }, of: x)
        #expect(rows == x.rows(1..<2))
        #expect(try value({ try $0[0].element(1) }, of: x) == x.rows(1..<2).reshaped(to: [3, 4, 5]))
    }

    @Test func padZerosAround() throws {
        let (low, high) = ([0, 1, 2, 0], [1, 0, 3, 2])
        let shape: TensorShape = [3, 4, 9, 7]
        let found = try value({ try $0[0].padded(low: low, high: high) }, of: x)
        let expected = array(shape) { index in
            let source = zip(index, low).map { $0 - $1 }
            let isInside = zip(source, x.shape.dimensions).allSatisfy { $0 >= 0 && $0 < $1 }
            return isInside ? at(source, x) : 0
        }
        #expect(found == expected)
    }

    @Test(arguments: 0..<4)
    func concatenateOneAfterAnother(_ axis: Int) throws {
        var shape = x.shape
        shape[axis] = 2
        let other = randomArray(shape, seed: 2)
        let found = try value({ try Tensor.concatenate([$0[0], $0[1], $0[0]], axis: axis) }, of: x, other)
        var whole = x.shape
        whole[axis] = 2 * x.shape[axis] + 2
        let expected = array(whole) { index in
            var source = index
            let extent = x.shape[axis]
            if index[axis] < extent { return at(index, x) }
            source[axis] -= extent
            if source[axis] < 2 { return at(source, other) }
            source[axis] -= 2
            return at(source, x)
        }
        #expect(found == expected)
    }

    @Test(arguments: [[0], [1], [3], [0, 2], [1, 3], [0, 1, 2], [0, 1, 2, 3]])
    func reduceTheAxesVanish(_ axes: [Int]) throws {
        let kept = (0..<4).filter { !axes.contains($0) }
        let shape = TensorShape(kept.map { x.shape[$0] })
        var sums = [Double](repeating: 0, count: shape.elementCount)
        _ = array(x.shape) { index in
            let place = zip(kept, shape.strides).reduce(0) { $0 + index[$1.0] * $1.1 }
            sums[place] += at(index, x)
            return 0
        }
        let found = try value({ try $0[0].sum(axes: axes.reversed()) }, of: x)
        #expect(mismatch(found, NDArray(sums, shape: shape), tolerance: 1e-14) == nil)
    }

    @Test func reshapeKeepsTheOrder() throws {
        #expect(try value({ try $0[0].reshaped(to: [6, 20]) }, of: x) == x.reshaped(to: [6, 20]))
    }

    @Test func meanAndClippedAreWhatTheyAreCalled() throws {
        let mean = try value({ try $0[0].mean(axes: [1, 2, 3]) }, of: x)
        let expected = (0..<2).map { x.rows($0..<$0 + 1).doubles.reduce(0, +) / 60 }
        #expect(mismatch(mean, NDArray(expected, shape: [2]), tolerance: 1e-14) == nil)
        let clipped = try value(
            { try $0[0].clipped($0[0].builder.constant(-0.5), $0[0].builder.constant(1)) }, of: x)
        #expect(clipped.doubles == x.doubles.map { min(max($0, -0.5), 1) })
    }
}
