import RenormKernels
import Testing

extension KernelTests {
    @Suite struct Reductions {
        static let shapes: [(Int, Int, Int)] = [
            (1, 1, 1), (1, 5, 1), (7, 33, 1), (1, 100_003, 1), (3, 50_001, 1), (1000, 10, 1), (1, 7, 3),
            (1, 40_001, 3),
            (1, 5000, 17), (64, 49, 64), (5, 196, 100), (2, 30, 2049), (1, 3, 50_000), (1, 300, 2048),
            (0, 3, 4),
            (2, 3, 0),
        ]

        static let reductions: [renorm_reduction] = [
            .sum, .sum_of_squares, .maximum, .minimum, .zeros, .squared_differences,
        ]

        private func reduce<Element: BitwiseCopyable>(
            _ team: Team, _ reduction: renorm_reduction, _ shape: (Int, Int, Int), _ x: [Element],
            minus y: [Element]? = nil, factor: Double = 1
        ) -> [Float] {
            var result = [Float](repeating: .nan, count: shape.0 * shape.2)
            withScratch(renorm_reduce_scratch(shape.0, shape.1, shape.2, team.threads)) {
                renorm_reduce(
                    team.pointer, reduction, shape.0, shape.1, shape.2,
                    Element.self == UInt16.self ? .bf16 : .f32, x, y ?? x,
                    factor, &result, $0)
            }
            return result
        }

        private func expected(
            _ reduction: renorm_reduction, _ shape: (Int, Int, Int), _ x: [Float], minus y: [Float],
            factor: Double
        ) -> [Double] {
            (0..<shape.0 * shape.2).map { k in
                let (o, i) = (k / shape.2, k % shape.2)
                func values(_ array: [Float]) -> [Double] {
                    (0..<shape.1).map { Double(array[(o * shape.1 + $0) * shape.2 + i]) }
                }
                let (values, others) = (values(x), values(y))
                switch reduction {
                case .sum: return values.reduce(0, +) * factor
                case .sum_of_squares: return values.reduce(0) { $0 + $1 * $1 } * factor
                case .maximum: return values.max()! * factor
                case .minimum: return values.min()! * factor
                case .zeros: return Double(values.count { $0 == 0 }) * factor
                case .squared_differences:
                    return zip(values, others).reduce(0) { $0 + ($1.0 - $1.1) * ($1.0 - $1.1) } * factor
                }
            }
        }

        @Test(arguments: shapes) func reductionIsThatOfDoubles(_ shape: (Int, Int, Int)) {
            // A third of them zeros, of either sign.
            let x = Numbers.make(31, shape.0 * shape.1 * shape.2).enumerated().map { index, value in
                index % 3 == 0 ? (index % 2 == 0 ? 0 : -0.0) : BF16.rounded(value)
            }
            // Near x: what is left of the difference must be right to f32's precision, not to x's size.
            let y = zip(x, Numbers.make(35, x.count)).map { BF16.rounded($0 + $1 * 0.01) }
            let (halves, otherHalves) = (x.map(BF16.bits), y.map(BF16.bits))
            for reduction in Self.reductions {
                for factor in [1, 1 / Double(shape.1)] {
                    let expected = expected(reduction, shape, x, minus: y, factor: factor)
                    // Rounding in float lanes: a random walk of some √n · 2⁻²⁴ around the sum of magnitudes.
                    let absolute = reduction == .sum ? 2e-7 * Double(shape.1).squareRoot() * 8 * factor : 0
                    for team in Team.all {
                        let result = reduce(team, reduction, shape, x, minus: y, factor: factor)
                        #expect(
                            difference(result, expected, relative: 1e-6, absolute: absolute) == nil,
                            "\(reduction), \(team)")
                        let ofHalves = reduce(
                            team, reduction, shape, halves, minus: otherHalves, factor: factor)
                        #expect(
                            difference(ofHalves, expected, relative: 1e-6, absolute: absolute) == nil,
                            "\(reduction) of bf16, \(team)")
                    }
                }
            }
        }

        @Test func notANumberReachesItsResultAlone() {
            let shape = (2, 1000, 17)
            var x = Numbers.make(32, 2 * 1000 * 17)
            x[17_000 + 501 * 17 + 4] = .nan
            let y = [Float](repeating: 0, count: x.count)
            for reduction in Self.reductions where reduction != .zeros {
                for team in Team.all {
                    let result = reduce(team, reduction, shape, x, minus: y)
                    #expect(result.indices.filter { result[$0].isNaN } == [21], "\(reduction), \(team)")
                }
            }
            for at in [0, 1, 15, 16, 63, 64, 65, 40_000, 99_998, 99_999] {
                var x = Numbers.make(33, 100_000)
                x[at] = .nan
                let halves = x.map(BF16.bits)
                for reduction in Self.reductions where reduction != .zeros {
                    for team in Team.all {
                        #expect(
                            reduce(team, reduction, (1, 100_000, 1), x)[0].isNaN
                                && reduce(team, reduction, (1, 100_000, 1), halves)[0].isNaN,
                            "\(reduction), \(at), \(team)")
                    }
                }
            }
        }

        @Test func theEmptyReductionIsNeutral() {
            let results = Self.reductions.map { reduce(Team(), $0, (2, 0, 1), [Float]()) }
            #expect(
                results == [
                    [0, 0], [0, 0], [-.infinity, -.infinity], [.infinity, .infinity], [0, 0], [0, 0],
                ])
        }

        @Test func finiteMeansFinite() {
            for count in [0, 1, 15, 16, 17, 1000, 200_001] {
                var x = Numbers.make(34, count)
                for team in Team.all {
                    #expect(renorm_is_finite(team.pointer, count, x) == 1)
                    for at in [0, count / 2, count - 1] where count > 0 {
                        for value in [Float.nan, .infinity, -.infinity] {
                            let kept = x[at]
                            x[at] = value
                            #expect(
                                renorm_is_finite(team.pointer, count, x) == 0, "\(value) at \(at) of \(count)"
                            )
                            x[at] = kept
                        }
                    }
                }
            }
        }
    }
}
