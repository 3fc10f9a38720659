import RenormKernels
import Testing

/// Taps for `count` new values of `size` old ones, with random weights, among them new values without any.
private struct Taps {
    var first: [Int32] = []
    var start: [Int32] = [0]
    var weight: [Int32] = []

    init(count: Int, of size: Int, _ numbers: inout Numbers) {
        for _ in 0..<count {
            let number = min(size, Int(numbers.unit() * 6))
            first.append(Int32(numbers.unit() * Double(size - number + 1)))
            // Some sums leave the range of a byte on either side.
            for _ in 0..<number {
                weight.append(Int32((numbers.unit() - 0.25) * 1.8 / Double(number) * 4_194_304))
            }
            start.append(Int32(weight.count))
        }
        if first.isEmpty { first = [0] }
        if weight.isEmpty { weight = [0] }
    }

    func with(_ body: (renorm_taps) -> Void) {
        first.withUnsafeBufferPointer { first in
            start.withUnsafeBufferPointer { start in
                weight.withUnsafeBufferPointer { weight in
                    body(
                        renorm_taps(
                            count: start.count - 1, first: first.baseAddress!, start: start.baseAddress!,
                            weight: weight.baseAddress!))
                }
            }
        }
    }

    /// New value `place`, of old ones that lie `stride` apart.
    func value(_ place: Int, from source: [UInt8], at base: Int, stride: Int) -> UInt8 {
        var sum = 0
        for tap in Int(start[place])..<Int(start[place + 1]) {
            let old = source[base + (Int(first[place]) + tap - Int(start[place])) * stride]
            sum += Int(weight[tap]) * Int(old)
        }
        return UInt8(min(max((Double(sum) / 4_194_304 + 0.5).rounded(.down), 0), 255))
    }
}

extension KernelTests {
    @Suite struct Resampling {
        private let sets: [renorm_instructions] = [.baseline, .avx2, .avx512]

        @Test(arguments: [1, 2, 3, 4], [(1, 1, 1), (5, 3, 2), (9, 7, 33), (4, 40, 17)])
        func rowsAreWeightedSums(channels: Int, size: (rows: Int, old: Int, new: Int)) {
            var numbers = Numbers(UInt64(channels * 100 + size.new))
            let taps = Taps(count: size.new, of: size.old, &numbers)
            // Exactly what is there, so that reading beyond it can be found.
            let source = (0..<size.rows * size.old * channels).map { _ in UInt8(numbers.unit() * 256) }
            var expected: [UInt8] = []
            for row in 0..<size.rows {
                for place in 0..<size.new {
                    for channel in 0..<channels {
                        expected.append(
                            taps.value(
                                place, from: source, at: row * size.old * channels + channel, stride: channels
                            ))
                    }
                }
            }
            for set in sets {
                var target = [UInt8](repeating: 77, count: expected.count + 1)
                taps.with { renorm_resample_rows(set, $0, channels, size.rows, size.old, source, &target) }
                #expect(target == expected + [77], "\(set)")
            }
        }

        @Test(arguments: [1, 15, 16, 17, 64, 67, 200], [(1, 1), (5, 9), (40, 11)])
        func columnsAreWeightedSums(width: Int, size: (old: Int, new: Int)) {
            var numbers = Numbers(UInt64(width * 100 + size.new))
            let taps = Taps(count: size.new, of: size.old, &numbers)
            let stride = width + 3
            let source = (0..<size.old * stride - 3).map { _ in UInt8(numbers.unit() * 256) }
            let expected = (0..<size.new * width).map {
                taps.value($0 / width, from: source, at: $0 % width, stride: stride)
            }
            for set in sets {
                var target = [UInt8](repeating: 77, count: expected.count + 1)
                taps.with { renorm_resample_columns(set, $0, width, stride, source, &target) }
                #expect(target == expected + [77], "\(set)")
            }
        }
    }
}
