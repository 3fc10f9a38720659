import RenormKernels
import Testing

extension KernelTests {
    /// Programs that read and write bf16.
    @Suite struct ProgramTypes {
        @Test(arguments: ProgramLayout.shapes) func stridesAreFollowed(_ shape: (Int, Int)) {
            let (outer, inner) = shape
            var numbers = Numbers(71)
            for a in ProgramLayout.Layout.allCases {
                for b in ProgramLayout.Layout.allCases {
                    // a in bf16, b in f32: y = a · b in both types, and a itself.
                    var program = TestProgram(outer, inner)
                    let (la, lb) = (a.strides(outer, inner), b.strides(outer, inner))
                    let x = program.input(la.0, la.1, type: .bf16), factor = program.input(lb.0, lb.1)
                    let two = program.constant(2)
                    // At the level of a alone: a row's or the one value is doubled as a scalar.
                    let doubled = program.apply(.multiply, x, two)
                    let product = program.apply(.multiply, doubled, factor)
                    program.output(product)
                    program.output(product, outerStride: inner + 2, type: .bf16)
                    program.output(product, type: .bf16)
                    program.output(x, type: .bf16)
                    let arrays = [
                        numbers.array(a.count(outer, inner)).map(BF16.rounded),
                        numbers.array(b.count(outer, inner)),
                    ]
                    var expected: [Float] = [], copied: [Float] = []
                    for i in 0..<outer {
                        for j in 0..<inner {
                            copied.append(arrays[0][i * la.0 + j * la.1])
                            expected.append(2 * copied.last! * arrays[1][i * lb.0 + j * lb.1])
                        }
                    }
                    let rounded = expected.map(BF16.rounded)
                    let gapped = (outer - 1) * (inner + 2) + inner, dense = outer * inner
                    for team in Team.all {
                        var inputs = arrays
                        let results = program.run(team, &inputs, outputCounts: [dense, gapped, dense, dense])
                        #expect(results[0] == expected, "\(a), \(b), \(team)")
                        let rows = (0..<outer).flatMap { results[1][($0 * (inner + 2))...].prefix(inner) }
                        #expect(rows == rounded, "\(a), \(b), \(team)")
                        if outer > 1 { #expect(results[1][inner].isNaN, "a gap was written, \(team)") }
                        #expect(results[2] == rounded, "\(a), \(b), \(team)")
                        #expect(results[3] == copied, "\(a), \(b), \(team)")
                    }
                }
            }
        }

        @Test(arguments: ProgramLayout.shapes) func updatesHappenInPlace(_ shape: (Int, Int)) {
            // Each output overwrites what the other still reads.
            let (outer, inner) = shape
            var program = TestProgram(outer, inner)
            let (a, b) = (program.input(type: .bf16), program.input(type: .bf16))
            let sum = program.apply(.add, a, b), difference = program.apply(.subtract, a, b)
            program.output(sum, inPlaceOf: b, type: .bf16)
            program.output(difference, inPlaceOf: a, type: .bf16)
            var numbers = Numbers(72)
            let count = outer * inner
            let arrays = [numbers.array(count), numbers.array(count)].map { $0.map(BF16.rounded) }
            for team in Team.all {
                var inputs = arrays
                _ = program.run(team, &inputs, outputCounts: [count, count])
                #expect(inputs[0] == zip(arrays[0], arrays[1]).map { BF16.rounded($0 - $1) }, "\(team)")
                #expect(inputs[1] == zip(arrays[0], arrays[1]).map { BF16.rounded($0 + $1) }, "\(team)")
            }
        }

        @Test func largeOutputsAreTheSame() {
            // 68 MB: written past the caches.
            let count = 34_000_000
            var program = TestProgram(1, count)
            let x = program.input(type: .bf16)
            program.output(program.apply(.add, x, x), type: .bf16)
            var arrays = [(0..<count).map { Float($0 & 127) }]
            let team = Team(threads: 2, instructions: renorm_instructions_current())!
            let result = program.run(team, &arrays, outputCounts: [count])[0]
            #expect((0..<count).allSatisfy { result[$0] == Float($0 & 127) * 2 })
        }

        @Test func anArrayHasOneType() {
            for type in [renorm_type.f32, .bf16] {
                var program = TestProgram(2, 3)
                let x = program.input(type: .bf16)
                program.output(x, inPlaceOf: x, type: type)
                let made = program.make()
                #expect((made != nil) == (type == .bf16))
                if let made { renorm_program_destroy(made) }
            }
        }
    }
}
