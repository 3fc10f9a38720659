import RenormKernels
import Testing

extension KernelTests {
    @Suite struct Copies {
        /// Copies between arrays of these sizes and compares with a loop over all indices.
        private func check<Source, Destination: Equatable>(
            _ kind: renorm_copy_kind, sizes: [Int], from sourceStrides: [Int], to destinationStrides: [Int],
            source: [Source], start: Int = 0, destination: [Destination], destinationStart: Int = 0,
            convert: (Source) -> Destination, _ what: String
        ) {
            var expected = destination
            var index = [Int](repeating: 0, count: sizes.count)
            var left = sizes.reduce(1, *)
            while left > 0 {
                let from = zip(index, sourceStrides).reduce(start) { $0 + $1.0 * $1.1 }
                let to = zip(index, destinationStrides).reduce(destinationStart) { $0 + $1.0 * $1.1 }
                expected[to] = convert(source[from])
                for axis in sizes.indices.reversed() {
                    index[axis] += 1
                    if index[axis] < sizes[axis] { break }
                    index[axis] = 0
                }
                left -= 1
            }
            for team in Team.all {
                var result = destination
                source.withUnsafeBufferPointer { source in
                    result.withUnsafeMutableBufferPointer { result in
                        renorm_copy(
                            team.pointer, kind, Int32(sizes.count), sizes, sourceStrides, destinationStrides,
                            source.baseAddress! + start, result.baseAddress! + destinationStart)
                    }
                }
                #expect(result == expected, "\(what), \(team)")
            }
        }

        private func contiguous(_ sizes: [Int]) -> [Int] {
            sizes.indices.map { sizes[($0 + 1)...].reduce(1, *) }
        }

        private func words(
            sizes: [Int], from: [Int], start: Int = 0, count: Int, to: [Int]? = nil,
            destinationStart: Int = 0,
            destinationCount: Int? = nil, _ what: String
        ) {
            check(
                .words, sizes: sizes, from: from, to: to ?? contiguous(sizes),
                source: Numbers.make(51, count),
                start: start,
                destination: [Float](repeating: -7, count: destinationCount ?? sizes.reduce(1, *)),
                destinationStart: destinationStart, convert: { $0 }, what)
        }

        @Test func everyTransposeOfEveryRank() {
            for sizes in [
                [5], [3, 4], [17, 64], [64, 17], [130, 67], [2, 3, 4], [3, 17, 5], [4, 1, 6, 5],
                [2, 3, 2, 3, 2, 3],
            ] {
                for order in permutations(Array(sizes.indices)) {
                    let strides = contiguous(sizes)
                    words(
                        sizes: order.map { sizes[$0] }, from: order.map { strides[$0] },
                        count: sizes.reduce(1, *),
                        "\(sizes) in the order \(order)")
                }
            }
            words(sizes: [64, 28, 28, 3], from: [2352, 28, 1, 784], count: 64 * 2352, "NCHW to NHWC")
            words(sizes: [512, 300], from: [1, 512], count: 512 * 300, "large transpose")
        }

        @Test func slicesPiecesPaddingBroadcastsAndReversals() {
            words(sizes: [3, 5], from: [20, 2], start: 23, count: 200, "slice with steps")
            words(sizes: [100, 40], from: [64, 1], start: 7, count: 6407, "slice of rows")
            words(
                sizes: [300, 33], from: [33, 1], count: 9900, to: [80, 1], destinationStart: 40,
                destinationCount: 24_000,
                "piece of a concatenation")
            words(
                sizes: [2, 5, 6, 3], from: [90, 18, 3, 1], count: 180, to: [240, 30, 3, 1],
                destinationStart: 33,
                destinationCount: 480, "interior of padding")
            words(sizes: [50, 700], from: [0, 1], count: 700, "broadcast of a row")
            words(sizes: [700, 50], from: [1, 0], count: 700, "broadcast of a column")
            words(sizes: [40_000], from: [0], count: 1, "broadcast of one")
            words(sizes: [10, 11], from: [-11, -1], start: 109, count: 110, "reversal")
            words(sizes: [4, 30, 3], from: [90, -3, 1], start: 87, count: 360, "horizontal flip")
            words(sizes: [], from: [], count: 1, "a single element")
            words(sizes: [1, 1, 1], from: [7, 8, 9], count: 1, "a single element of rank 3")
            words(
                sizes: [3, 0, 2], from: [2, 2, 1], count: 1, to: [0, 2, 1], destinationCount: 4, "nothing")
            words(sizes: [100_003], from: [1], count: 100_003, "one long run")
        }

        @Test(arguments: [[70_001], [37, 29], [300, 3], [5, 7, 11]]) func conversions(_ sizes: [Int]) {
            let count = sizes.reduce(1, *)
            let strides = contiguous(sizes)
            let orders = sizes.count > 1 ? [strides, strides] : [strides]
            for (k, order) in orders.enumerated() {
                // The second time the destination is transposed.
                let from = k == 0 ? order : Array(contiguous(sizes.reversed()).reversed())
                var numbers = Numbers(52)
                let bytes = (0..<count).map { _ in UInt8(numbers.unit() * 256) }
                let integers = (0..<count).map { _ in
                    Int32(truncatingIfNeeded: Int((numbers.unit() - 0.5) * 4e9))
                }
                var floats = (0..<count).map { _ in numbers.normal() * 3e9 }
                floats[0] = .nan
                floats[count / 2] = .infinity
                floats[count - 1] = -.infinity
                let small = floats.map { $0 / 1e7 }
                let zeros = [Float](repeating: 0, count: count)
                check(
                    .bytes, sizes: sizes, from: from, to: strides, source: bytes,
                    destination: [UInt8](repeating: 0, count: count), convert: { $0 }, "bytes")
                check(
                    .u8_to_f32, sizes: sizes, from: from, to: strides, source: bytes, destination: zeros,
                    convert: { Float($0) }, "u8 to f32")
                check(
                    .i32_to_f32, sizes: sizes, from: from, to: strides, source: integers, destination: zeros,
                    convert: { Float($0) }, "i32 to f32")
                check(
                    .f32_to_i32, sizes: sizes, from: from, to: strides, source: floats,
                    destination: [Int32](repeating: 0, count: count), convert: saturated, "f32 to i32")
                check(
                    .f32_to_bf16, sizes: sizes, from: from, to: strides, source: floats,
                    destination: [UInt16](repeating: 0, count: count), convert: BF16.bits, "f32 to bf16")
                let halves = integers.map { UInt16(truncatingIfNeeded: $0) }
                check(
                    .bf16_to_f32, sizes: sizes, from: from, to: strides, source: halves.map(BF16.finite),
                    destination: zeros, convert: BF16.value, "bf16 to f32")
                check(
                    .halves, sizes: sizes, from: from, to: strides, source: halves,
                    destination: halves.reversed(), convert: { $0 }, "halves")
                check(
                    .f32_to_u8, sizes: sizes, from: from, to: strides, source: small,
                    destination: [UInt8](repeating: 0, count: count), convert: saturated, "f32 to u8")
            }
        }

        @Test func fillSetsExactlyItsElements() {
            for count in [0, 1, 15, 16, 17, 1000, 100_001] {
                for team in Team.all {
                    var x = [Float](repeating: 1, count: count + 1)
                    renorm_fill(team.pointer, .f32, count, -2.5, &x)
                    #expect(x.dropLast().allSatisfy { $0 == -2.5 } && x.last == 1, "\(count), \(team)")
                    var halves = [UInt16](repeating: 1, count: count + 1)
                    renorm_fill(team.pointer, .bf16, count, -2.5, &halves)
                    #expect(
                        halves.dropLast().allSatisfy { $0 == 0xc020 } && halves.last == 1, "\(count), \(team)"
                    )
                }
            }
        }

        private func saturated<Integer: FixedWidthInteger>(_ x: Float) -> Integer {
            if x.isNaN { return 0 }
            if Double(x) >= Double(Integer.max) { return .max }
            return Double(x) <= Double(Integer.min) ? .min : Integer(x)
        }

        private func permutations(_ values: [Int]) -> [[Int]] {
            guard values.count > 1 else { return [values] }
            return values.indices.flatMap { i in
                var rest = values
                let first = rest.remove(at: i)
                return permutations(rest).map { [first] + $0 }
            }
        }
    }
}
