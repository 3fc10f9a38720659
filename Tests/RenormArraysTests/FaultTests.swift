import Foundation
import RenormArrays
import RenormFormats
import Testing

@Suite struct FaultTests {
    @Test(arguments: [
        [], [0], [3, 0, 5], [1 << 40], [1 << 20, 1 << 20], [0, 1 << 40], Array(repeating: 1, count: 32),
    ])
    func shapesOfArraysHaveNone(dimensions: [Int]) throws {
        let shape = TensorShape(dimensions)
        #expect(shape.fault == nil)
        #expect(try JSONCoder.decode(TensorShape.self, from: JSONCoder.encode(shape)) == shape)
        // Neither of them traps.
        #expect(shape.strides.count == dimensions.count && shape.elementCount >= 0)
    }

    @Test(arguments: [
        [-1], [.min], [1 << 41], [1 << 20, 1 << 21], [.max], [.max, .max], [0, 1 << 62, 1 << 62],
        [1 << 62, 1 << 62, 0],
        [0, 1 << 41], Array(repeating: 1, count: 33), Array(repeating: 0, count: 1000),
    ])
    func shapesOfNoArrayAreRefused(dimensions: [Int]) throws {
        #expect(TensorShape(dimensions).fault != nil)
        let error = try #require(throws: DecodingError.self) {
            try JSONCoder.decode(TensorShape.self, from: JSONCoder.encode(dimensions))
        }
        #expect("\(error)".contains("expected"), "\(error)")
    }

    @Test func sizesStayNumbers() {
        #expect(Int.max.saturatingProduct(2) == .max && Int.max.saturatingProduct(-2) == .min)
        #expect(Int.min.saturatingProduct(-1) == .max && 6.saturatingProduct(7) == 42)
        #expect(
            Int.max.saturatingSum(1) == .max && Int.min.saturatingSum(-1) == .min && 6.saturatingSum(-7) == -1
        )
    }
}
