import RenormArrays
import Testing

@Suite struct NDArrayTests {
    private func address(_ array: NDArray) -> UnsafeRawPointer? { array.withUnsafeBytes { $0.baseAddress } }

    @Test func copiesShareStorageUntilWritten() {
        let original = NDArray([1, 2, 3] as [Float], shape: [3])
        var copy = original
        #expect(address(copy) == address(original))
        copy.withMutableValues(of: Float.self) { $0[1] = 9 }
        #expect(address(copy) != address(original))
        #expect(original.values(of: Float.self) == [1, 2, 3])
        #expect(copy.values(of: Float.self) == [1, 9, 3])
    }

    @Test func anUnsharedArrayIsWrittenInPlace() {
        var array = NDArray(zeros: [4], type: .i32)
        let before = address(array)
        array.withMutableValues(of: Int32.self) { $0[0] = 1 }
        #expect(address(array) == before)
        #expect(array.values(of: Int32.self) == [1, 0, 0, 0])
    }

    @Test func reshapingSharesStorageAndWritingParts() {
        let flat = NDArray([1, 2, 3, 4, 5, 6] as [Float], shape: [6])
        var matrix = flat.reshaped(to: [2, 3])
        #expect(matrix.shape == [2, 3])
        #expect(address(matrix) == address(flat))
        matrix.withMutableValues(of: Float.self) { $0[5] = 0 }
        #expect(flat.values(of: Float.self) == [1, 2, 3, 4, 5, 6])
    }

    @Test func memoryIsAlignedForTheWidestVectors() {
        for count in [1, 3, 17, 1000] {
            let array = NDArray(zeros: [count], type: .u8)
            #expect(Int(bitPattern: address(array)!) % 64 == 0)
        }
    }

    @Test(arguments: ElementType.allCases)
    func zerosAreZeroInEveryType(type: ElementType) {
        let array = NDArray(zeros: [3, 5], type: type)
        #expect(array.byteCount == 15 * type.byteCount)
        #expect(array.doubles == [Double](repeating: 0, count: 15))
    }

    @Test func anArrayWithoutElementsWorks() {
        let empty = NDArray(zeros: [0, 3])
        #expect(empty.byteCount == 0)
        #expect(empty.converted(to: .f64).shape == [0, 3])
        #expect(empty.transposed([1, 0]).shape == [3, 0])
        #expect(empty.rows(0..<0).shape == [0, 3])
        #expect("\(empty)" == "f32[0, 3] []")
    }

    @Test func rowsAreExamplesAlongTheFirstAxis() {
        let array = NDArray((0..<24).map { Int32($0) }, shape: [4, 3, 2])
        let rows = array.rows(1..<3)
        #expect(rows.shape == [2, 3, 2])
        #expect(rows.values(of: Int32.self) == Array(6..<18))
        #expect(array.rows(2..<2).shape == [0, 3, 2])
    }

    @Test func transposingMovesAxes() {
        let array = NDArray((0..<6).map { Float($0) }, shape: [2, 3])
        #expect(array.transposed([1, 0]).shape == [3, 2])
        #expect(array.transposed([1, 0]).values(of: Float.self) == [0, 3, 1, 4, 2, 5])
    }

    @Test(arguments: [[0, 1, 2, 3], [0, 2, 3, 1], [3, 2, 1, 0], [1, 3, 0, 2], [2, 0, 3, 1]])
    func transposingIsDefinedByIndices(permutation: [Int]) {
        let shape: TensorShape = [2, 3, 4, 5]
        for type in [ElementType.u8, .bf16, .f32, .f64] {
            let array = NDArray((0..<120).map { Float($0) }, shape: shape).converted(to: type)
            let result = array.transposed(permutation)
            let source = array.doubles
            let values = result.doubles
            var position = 0
            for a in 0..<result.shape[0] {
                for b in 0..<result.shape[1] {
                    for c in 0..<result.shape[2] {
                        for d in 0..<result.shape[3] {
                            var index = [0, 0, 0, 0]
                            for (axis, value) in zip(permutation, [a, b, c, d]) { index[axis] = value }
                            let from = zip(index, shape.strides).reduce(0) { $0 + $1.0 * $1.1 }
                            #expect(values[position] == source[from])
                            position += 1
                        }
                    }
                }
            }
            let inverse = (0..<4).map { permutation.firstIndex(of: $0)! }
            #expect(result.transposed(inverse) == array)
        }
    }

    @Test func equalityIsThatOfBits() {
        let nan = NDArray([Float.nan], shape: [1])
        #expect(nan == nan)
        #expect(NDArray([0] as [Float], shape: [1]) != NDArray([-0.0] as [Float], shape: [1]))
        #expect(NDArray([0] as [Float], shape: [1]) != NDArray([0] as [Int32], shape: [1]))
        #expect(NDArray([0, 0] as [Float], shape: [2]) != NDArray([0, 0] as [Float], shape: [1, 2]))
    }

    @Test func arraysAreJoinedAlongTheirFirstAxis() {
        let (first, second) = (
            NDArray([1, 2] as [Float], shape: [1, 2]), NDArray([3, 4, 5, 6] as [Float], shape: [2, 2])
        )
        #expect(
            NDArray(joining: [first, second]) == NDArray([1, 2, 3, 4, 5, 6] as [Float], shape: [3, 2]))
    }

    @Test func describesItsFirstValues() {
        #expect("\(NDArray([1, 2.5] as [Float], shape: [2]))" == "f32[2] [1.0, 2.5]")
        #expect(
            "\(NDArray((0..<9).map { Int64($0) }, shape: [9]))"
                == "i64[9] [0.0, 1.0, 2.0, 3.0, 4.0, 5.0, 6.0, 7.0, …]")
        #expect("\(NDArray(scalar: UInt8(7)))" == "u8[] [7.0]")
    }
}
