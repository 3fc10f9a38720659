import Foundation
import RenormKernels
import Testing

extension KernelTests {
    @Suite struct CrossEntropy {
        @Test(arguments: [1, 2, 10, 16, 17, 1000, 5003], [Float(0), 0.1, 1])
        func lossAndGradientAreFormula(_ classes: Int, _ smoothing: Float) {
            let examples = classes > 100 ? 9 : 67
            var numbers = Numbers(UInt64(classes))
            var logits = numbers.array(examples * classes, mean: 3, deviation: 4)
            // Far beyond what e^z can represent.
            for k in 0..<classes { logits[k] += 1000 }
            let labels = (0..<examples).map { Int32(Int(numbers.unit() * Double(classes)) + $0 % 1) }
            let incoming = numbers.array(examples)

            var losses: [Double] = [], gradients: [Double] = []
            for n in 0..<examples {
                let z = logits[n * classes..<(n + 1) * classes].map(Double.init)
                let greatest = z.max()!
                let total = z.reduce(0) { $0 + exp($1 - greatest) }
                var loss = 0.0
                for k in 0..<classes {
                    let own = k == Int(labels[n]) ? 1.0 : 0
                    let target = (1 - Double(smoothing)) * own + Double(smoothing) / Double(classes)
                    let share = exp(z[k] - greatest) / total
                    loss -= target * (z[k] - greatest - log(total))
                    gradients.append((share - target) * Double(incoming[n]))
                }
                losses.append(loss)
            }
            for team in Team.all {
                var loss = [Float](repeating: .nan, count: examples)
                renorm_cross_entropy(team.pointer, examples, classes, logits, labels, smoothing, &loss)
                #expect(difference(loss, losses, relative: 1e-6, absolute: 1e-6) == nil, "\(team)")
                var gradient = [Float](repeating: .nan, count: logits.count)
                renorm_cross_entropy_gradient(
                    team.pointer, examples, classes, logits, labels, smoothing, incoming, &gradient)
                #expect(difference(gradient, gradients, relative: 1e-5, absolute: 3e-7) == nil, "\(team)")
                var inPlace = logits
                inPlace.withUnsafeMutableBufferPointer {
                    renorm_cross_entropy_gradient(
                        team.pointer, examples, classes, $0.baseAddress!, labels, smoothing, incoming,
                        $0.baseAddress!)
                }
                #expect(inPlace == gradient, "\(team)")
            }
        }

        @Test func aLabelThatIsNoClassGivesNotANumber() {
            let logits = Numbers.make(41, 40)
            let labels: [Int32] = [0, 10, -1, 9]
            for team in Team.all {
                var loss = [Float](repeating: 0, count: 4), gradient = [Float](repeating: 0, count: 40)
                renorm_cross_entropy(team.pointer, 4, 10, logits, labels, 0.1, &loss)
                #expect(loss.map(\.isNaN) == [false, true, true, false])
                renorm_cross_entropy_gradient(
                    team.pointer, 4, 10, logits, labels, 0.1, [1, 1, 1, 1], &gradient)
                #expect(
                    (0..<4).map { gradient[$0 * 10..<$0 * 10 + 10].allSatisfy(\.isNaN) } == [
                        false, true, true, false,
                    ])
            }
        }

        @Test func notANumberAmongLogitsReachesTheLoss() {
            for at in [0, 5, 9] {
                var logits = Numbers.make(42, 30)
                logits[10 + at] = .nan
                for team in Team.all {
                    var loss = [Float](repeating: 0, count: 3)
                    renorm_cross_entropy(team.pointer, 3, 10, logits, [1, 2, 3], 0, &loss)
                    #expect(loss.map(\.isNaN) == [false, true, false])
                }
            }
        }
    }
}
