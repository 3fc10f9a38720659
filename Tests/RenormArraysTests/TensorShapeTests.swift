import Foundation
import RenormArrays
import RenormFormats
import Testing

@Suite struct TensorShapeTests {
    @Test func countsElementsAndStrides() {
        let shape: TensorShape = [2, 3, 4, 5]
        #expect(shape.rank == 4)
        #expect(shape.elementCount == 120)
        #expect(shape.strides == [60, 20, 5, 1])
        #expect(shape[-1] == 5)
        #expect(shape[0] == 2)
        #expect(shape.removing(axes: [1, 2]) == [2, 5])
        #expect("\(shape)" == "[2, 3, 4, 5]")
    }

    @Test func aScalarHasOneElement() {
        #expect(TensorShape.scalar.elementCount == 1)
        #expect(TensorShape.scalar.strides == [])
        #expect("\(TensorShape.scalar)" == "[]")
    }

    @Test func anExtentOfZeroLeavesNoElements() {
        #expect(TensorShape([3, 0, 2]).elementCount == 0)
    }

    @Test(arguments: [
        ([2, 3], [3], [2, 3]),
        ([2, 1, 4], [3, 1], [2, 3, 4]),
        ([], [5], [5]),
        ([], [], []),
        ([1], [1, 1], [1, 1]),
        ([0, 3], [1, 3], [0, 3]),
        ([64, 28, 28, 17], [17], [64, 28, 28, 17]),
    ])
    func broadcastsByNumPysRule(left: [Int], right: [Int], result: [Int]) {
        #expect(TensorShape(left).broadcast(with: TensorShape(right))?.dimensions == result)
        #expect(TensorShape(right).broadcast(with: TensorShape(left))?.dimensions == result)
    }

    @Test(arguments: [([2, 3], [2]), ([4], [3]), ([2, 1, 4], [3, 3])])
    func refusesWhatDoesNotFit(left: [Int], right: [Int]) {
        #expect(TensorShape(left).broadcast(with: TensorShape(right)) == nil)
    }

    @Test func isCodedAsAList() throws {
        let data = try JSONCoder.encode(TensorShape([64, 28, 28, 1]))
        #expect(data == "[64,28,28,1]")
        #expect(try JSONCoder.decode(TensorShape.self, from: data) == [64, 28, 28, 1])
    }
}
