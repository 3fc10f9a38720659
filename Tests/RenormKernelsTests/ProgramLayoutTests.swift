import RenormKernels
import Testing

extension KernelTests {
    /// Loop nests, strides, several outputs, updates in place: a chain of operations on every shape.
    @Suite struct ProgramLayout {
        static let shapes: [(Int, Int)] = [
            (1, 1), (1, 64), (1, 1023), (1, 100_000), (5, 1), (1000, 1), (2, 64), (7, 3), (3000, 3), (64, 17),
            (5000, 17), (3, 127), (3, 128), (40, 1000), (9, 4097),
        ]

        /// How an input of the nest may lie: strides, and how many elements it needs.
        enum Layout: CaseIterable {
            case contiguous, sameInEachRow, oneForEachRow, one, withGaps

            func strides(_ outer: Int, _ inner: Int) -> (Int, Int) {
                switch self {
                case .contiguous: (inner, 1)
                case .sameInEachRow: (0, 1)
                case .oneForEachRow: (1, 0)
                case .one: (0, 0)
                case .withGaps: (inner + 3, 1)
                }
            }

            func count(_ outer: Int, _ inner: Int) -> Int {
                switch self {
                case .contiguous: outer * inner
                case .sameInEachRow: inner
                case .oneForEachRow: outer
                case .one: 1
                case .withGaps: (outer - 1) * (inner + 3) + inner
                }
            }
        }

        @Test(arguments: shapes) func stridesAreFollowed(_ shape: (Int, Int)) {
            let (outer, inner) = shape
            var numbers = Numbers(11)
            for a in Layout.allCases {
                for b in Layout.allCases {
                    // r = (a + b) · 2 where a < b, else −a: two levels of every kind meet.
                    var program = TestProgram(outer, inner)
                    let layouts = [a, b]
                    for layout in layouts {
                        let strides = layout.strides(outer, inner)
                        _ = program.input(strides.0, strides.1)
                    }
                    let two = program.constant(2)
                    let sum = program.apply(.add, 0, 1)
                    let twice = program.apply(.multiply, sum, two)
                    let less = program.apply(.less, 0, 1)
                    let minus = program.apply(.negate, 0)
                    let result = program.apply(.select, less, twice, minus)
                    program.output(result)
                    program.output(result, outerStride: inner + 2)
                    program.output(1)
                    let gapped = (outer - 1) * (inner + 2) + inner
                    let arrays = layouts.map { numbers.array($0.count(outer, inner)) }
                    func at(_ k: Int, _ i: Int, _ j: Int) -> Float {
                        let strides = layouts[k].strides(outer, inner)
                        return arrays[k][i * strides.0 + j * strides.1]
                    }
                    var expected: [Float] = [], second: [Float] = []
                    for i in 0..<outer {
                        for j in 0..<inner {
                            let (x, y) = (at(0, i, j), at(1, i, j))
                            expected.append(x < y ? (x + y) * 2 : -x)
                            second.append(y)
                        }
                    }
                    for team in Team.all {
                        var inputs = arrays
                        let results = program.run(
                            team, &inputs, outputCounts: [outer * inner, gapped, outer * inner])
                        #expect(results[0] == expected, "\(a), \(b), \(team)")
                        let rows = (0..<outer).flatMap { results[1][($0 * (inner + 2))...].prefix(inner) }
                        #expect(rows == expected, "\(a), \(b), \(team)")
                        if outer > 1 { #expect(results[1][inner].isNaN, "a gap was written, \(team)") }
                        #expect(results[2] == second, "\(a), \(b), \(team)")
                    }
                }
            }
        }

        @Test(arguments: shapes) func updatesHappenInPlace(_ shape: (Int, Int)) {
            // SGD with momentum: v ← 0.9 v + g; w ← w − rate · v; the old w is read after the new v is known.
            let (outer, inner) = shape
            var program = TestProgram(outer, inner)
            let (w, v, g, rate) = (program.input(), program.input(), program.input(), program.input(0, 0))
            let momentum = program.constant(0.9)
            let decayed = program.apply(.multiply, v, momentum)
            let newV = program.apply(.add, decayed, g)
            let step = program.apply(.multiply, rate, newV)
            let newW = program.apply(.subtract, w, step)
            program.output(newV, inPlaceOf: v)
            program.output(newW, inPlaceOf: w)
            let count = outer * inner
            var numbers = Numbers(12)
            let arrays = [numbers.array(count), numbers.array(count), numbers.array(count), [0.1]]
            let expectedV = (0..<count).map { arrays[1][$0] * 0.9 + arrays[2][$0] }
            let expectedW = (0..<count).map { arrays[0][$0] - 0.1 * expectedV[$0] }
            for team in Team.all {
                var inputs = arrays
                _ = program.run(team, &inputs, outputCounts: [count, count])
                #expect(inputs[1] == expectedV, "\(team)")
                #expect(inputs[0] == expectedW, "\(team)")
                #expect(inputs[2] == arrays[2], "\(team)")
            }
        }

        @Test func outputsMayExchangeInputs() {
            // Each output overwrites what the other still reads.
            for (outer, inner) in Self.shapes {
                var program = TestProgram(outer, inner)
                let (a, b) = (program.input(), program.input())
                let sum = program.apply(.add, a, b)
                program.output(b, inPlaceOf: a)
                program.output(a, inPlaceOf: b)
                program.output(sum)
                let count = outer * inner
                var numbers = Numbers(13)
                let arrays = [numbers.array(count), numbers.array(count)]
                for team in Team.all {
                    var inputs = arrays
                    let results = program.run(team, &inputs, outputCounts: [count, count, count])
                    #expect(inputs[0] == arrays[1] && inputs[1] == arrays[0], "\(outer) × \(inner), \(team)")
                    #expect(
                        results[2] == zip(arrays[0], arrays[1]).map { $0 + $1 },
                        "\(outer) × \(inner), \(team)")
                }
            }
        }

        @Test func manyValuesAtOnceNeedManyRegisters() {
            // All 60 products are alive when the sum begins; then the products of a row and of a constant.
            var program = TestProgram(3, 500)
            let x = program.input(), row = program.input(1, 0)
            let constants = (0..<60).map { program.constant(Float($0)) }
            let products = constants.map { program.apply(.multiply, x, $0) }
            let scaled = constants.map { program.apply(.multiply, row, $0) }
            var sum = products[0]
            for k in 1..<60 { sum = program.apply(.add, sum, products[k]) }
            for k in 0..<60 { sum = program.apply(.add, sum, scaled[k]) }
            program.output(sum)
            var numbers = Numbers(14)
            let arrays = [numbers.array(1500), numbers.array(3)]
            let expected = (0..<1500).map {
                1770 * Double(arrays[0][$0]) + 1770 * Double(arrays[1][$0 / 500])
            }
            for team in Team.all {
                var inputs = arrays
                let result = program.run(team, &inputs, outputCounts: [1500])[0]
                #expect(difference(result, expected, relative: 1e-5, absolute: 1e-2) == nil, "\(team)")
            }
        }

        @Test func largeOutputsAreTheSame() {
            // 70 MB: written past the caches.
            let count = 18_000_000
            var program = TestProgram(1, count)
            let x = program.input()
            let doubled = program.apply(.add, x, x)
            let result = program.apply(.add, doubled, x)
            program.output(doubled)
            program.output(result)
            var arrays = [(0..<count).map { Float($0 & 1023) }]
            let team = Team(threads: 2, instructions: renorm_instructions_current())!
            let results = program.run(team, &arrays, outputCounts: [count, count])
            #expect((0..<count).allSatisfy { results[0][$0] == 2 * arrays[0][$0] })
            #expect((0..<count).allSatisfy { results[1][$0] == 3 * arrays[0][$0] })
        }

        @Test func malformedProgramsAreRefused() {
            func isMade(_ change: (inout TestProgram) -> Void) -> Bool {
                var program = TestProgram(2, 3)
                let x = program.input()
                let y = program.apply(.add, x, x)
                program.output(y)
                change(&program)
                let made = program.make()
                if let made { renorm_program_destroy(made) }
                return made != nil
            }
            #expect(isMade { _ in })
            #expect(!isMade { $0.inputs[0].inner_stride = 2 })
            #expect(!isMade { $0.instructions[0].b = 1 })
            #expect(!isMade { $0.instructions[0].a = -1 })
            #expect(isMade { $0.instructions[0].c = 99 })
            #expect(!isMade { $0.outputs[0].value = 2 })
            #expect(!isMade { $0.outputs[0].in_place_of = 1 })
            #expect(!isMade { $0.outputs[0].operand.inner_stride = 0 })
            #expect(isMade { $0.outputs[0].in_place_of = 0 })
            #expect(
                !isMade {
                    $0.outputs[0].in_place_of = 0
                    $0.inputs[0].outer_stride = 0
                })
            #expect(!isMade { $0.outputs = [] })
            #expect(!isMade { $0.inputs += Array(repeating: $0.inputs[0], count: 64) })
            #expect(!isMade { $0.outer = -1 })
            // A hundred values at once.
            #expect(
                !isMade { p in
                    for _ in 0..<100 { _ = p.apply(.exp, 0) }
                    var sum: Int32 = 2
                    for k in 3..<102 { sum = p.apply(.add, sum, Int32(k)) }
                    p.output(sum)
                })
        }

        @Test func nothingIsDoneForNoElements() {
            for shape in [(0, 5), (5, 0), (0, 0)] {
                var program = TestProgram(shape.0, shape.1)
                let result = program.apply(.exp, program.input())
                program.output(result)
                var arrays: [[Float]] = [[]]
                #expect(program.run(Team(), &arrays, outputCounts: [0]) == [[]])
            }
        }
    }
}
