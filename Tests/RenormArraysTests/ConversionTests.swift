import RenormArrays
import RenormFormats
import Testing

@Suite struct ConversionTests {
    private func bfloat(_ value: Float) -> UInt16 { BFloat16(nearestTo: Double(value)).bitPattern }

    @Test(
        arguments: [
            // (bits of the f32, bits of the bf16)
            (0x3F80_0000, 0x3F80),  // 1
            (0x3F80_8000, 0x3F80),  // halfway, down to even
            (0x3F81_8000, 0x3F82),  // halfway, up to even
            (0x3F80_8001, 0x3F81),  // just above halfway
            (0x3F81_7FFF, 0x3F81),  // just below halfway
            (0x3FFF_8000, 0x4000),  // a tie that carries into the exponent
            (0xBF81_8000, 0xBF82),  // the same below zero
            (0x7F7F_FFFF, 0x7F80),  // the largest float overflows to infinity
            (0x7F7F_7FFF, 0x7F7F),  // the largest that does not
            (0x7F80_0000, 0x7F80),  // infinity
            (0xFF80_0000, 0xFF80),  // minus infinity
            (0x8000_0000, 0x8000),  // minus zero
            (0x0000_8000, 0x0000),  // a subnormal tie
            (0x0001_8000, 0x0002),
        ] as [(UInt32, UInt16)])
    func roundsToBFloat16TiesToEven(float: UInt32, expected: UInt16) {
        #expect(bfloat(Float(bitPattern: float)) == expected)
    }

    @Test func everyBFloat16SurvivesTheWayThroughFloat() {
        let wrong = (UInt16.min...UInt16.max).filter { bits in
            let value = BFloat16(bitPattern: bits)
            let back = BFloat16(nearestTo: value.asDouble)
            return value.asDouble.isNaN ? !back.asDouble.isNaN : back != value
        }
        #expect(wrong == [])
    }

    @Test func nanStaysNaNInBFloat16() {
        // The payload sits in bits that bf16 does not have: without care it would become infinity.
        let value = Float(bitPattern: 0x7F80_0001)
        #expect(BFloat16(nearestTo: Double(value)).asDouble.isNaN)
        #expect(NDArray([value], shape: [1]).converted(to: .bf16).floats[0].isNaN)
    }

    @Test func integersTruncateAndSaturate() {
        let array = NDArray(
            [1.9, -1.9, 300, -300, 1e20, -1e20, .infinity, -.infinity, .nan] as [Double], shape: [9])
        #expect(array.converted(to: .u8).values(of: UInt8.self) == [1, 0, 255, 0, 255, 0, 255, 0, 0])
        #expect(
            array.converted(to: .i32).values(of: Int32.self)
                == [1, -1, 300, -300, .max, .min, .max, .min, 0])
        #expect(
            array.converted(to: .i64).values(of: Int64.self)
                == [1, -1, 300, -300, .max, .min, .max, .min, 0])
    }

    @Test func theEndsOfIntegersAreExact() {
        #expect(Int32(nearestTo: 2_147_483_647) == .max)
        #expect(Int32(nearestTo: 2_147_483_646.9) == 2_147_483_646)
        #expect(Int32(nearestTo: -2_147_483_648) == .min)
        #expect(UInt8(nearestTo: 254.999) == 254)
        #expect(UInt8(nearestTo: -0.5) == 0)
    }

    @Test func bytesSurviveTheWayThroughEveryType() {
        let bytes = NDArray(Array(UInt8.min...UInt8.max), shape: [16, 16])
        for type in ElementType.allCases {
            let there = bytes.converted(to: type)
            #expect(there.type == type)
            #expect(there.shape == bytes.shape)
            #expect(there.converted(to: .u8) == bytes)
        }
    }

    @Test func doublesRoundToFloats() {
        let array = NDArray([0.1, 1e300, -1e-300, 16_777_217] as [Double], shape: [4])
        #expect(array.floats == [0.1, .infinity, -0.0, 16_777_216])
        #expect(array.floats[2].sign == .minus)
    }

    @Test func convertingToTheSameTypeCopiesNothing() {
        let array = NDArray([1, 2] as [Float], shape: [2])
        let same = array.converted(to: .f32)
        #expect(array.withUnsafeBytes { $0.baseAddress } == same.withUnsafeBytes { $0.baseAddress })
    }
}
