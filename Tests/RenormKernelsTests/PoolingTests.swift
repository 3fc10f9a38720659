import RenormKernels
import Testing

extension KernelTests {
    @Suite struct Pooling {
        @Test(arguments: [1, 7, 16, 17, 40], [(2, 2, 0), (3, 2, 1), (3, 1, 1), (2, 3, 0), (5, 1, 4)])
        func valuesAndGradientsAreOfTheFirstLargest(_ channels: Int, _ geometry: (Int, Int, Int)) {
            let (window, stride, padding) = geometry
            let (batch, height, width) = (3, 9, 8)
            func extent(_ size: Int) -> Int { (size + 2 * padding - window) / stride + 1 }
            let (rows, columns) = (extent(height), extent(width))
            let shape = renorm_pooling(
                batch: batch, height: height, width: width, channels: channels, rows: rows, columns: columns,
                window_height: window, window_width: window, stride_height: stride, stride_width: stride,
                top: padding, left: padding, type: .f32)
            var numbers = Numbers(UInt64(channels))
            // Many equal values, and some that are none.
            var x = numbers.array(batch * height * width * channels).map { ($0 * 2).rounded() }
            for i in Swift.stride(from: 11, to: x.count, by: 37) { x[i] = .nan }
            let dy = numbers.array(batch * rows * columns * channels).map(BF16.rounded)

            var y: [Double] = []
            var dx = [Double](repeating: 0, count: x.count)
            for n in 0..<batch {
                for i in 0..<rows {
                    for j in 0..<columns {
                        for c in 0..<channels {
                            var best: Int?
                            for h in max(i * stride - padding, 0)..<min(i * stride - padding + window, height)
                            {
                                for w in max(
                                    j * stride - padding, 0)..<min(j * stride - padding + window, width)
                                {
                                    let at = ((n * height + h) * width + w) * channels + c
                                    guard let known = best else {
                                        best = at
                                        continue
                                    }
                                    if x[at] > x[known] || (x[at].isNaN && !x[known].isNaN) { best = at }
                                }
                            }
                            dx[best!] += Double(dy[y.count])
                            y.append(Double(x[best!]))
                        }
                    }
                }
            }
            for team in Team.all {
                var (foundY, foundX) = (
                    [Float](repeating: 9, count: y.count), [Float](repeating: 9, count: x.count)
                )
                var choices = [UInt8](repeating: 9, count: y.count)
                renorm_max_pool(team.pointer, shape, x, &foundY, &choices)
                #expect(difference(foundY, y, relative: 0) == nil, "\(team)")
                renorm_max_pool_gradient(team.pointer, shape, dy, choices, &foundX)
                #expect(difference(foundX, dx, relative: 1e-6, absolute: 1e-5) == nil, "\(team)")
                foundY = [Float](repeating: 9, count: y.count)
                renorm_max_pool(team.pointer, shape, x, &foundY, nil)
                #expect(difference(foundY, y, relative: 0) == nil, "\(team)")

                var halves = shape
                halves.type = .bf16
                var (halfY, halfX) = ([UInt16](repeating: 9, count: y.count), x.map { _ in UInt16(9) })
                var halfChoices = [UInt8](repeating: 9, count: y.count)
                renorm_max_pool(team.pointer, halves, x.map(BF16.bits), &halfY, &halfChoices)
                #expect(
                    halfY.map(BF16.value).map(\.bitPattern) == foundY.map(BF16.rounded).map(\.bitPattern),
                    "\(team)")
                #expect(halfChoices == choices, "\(team)")
                renorm_max_pool_gradient(team.pointer, halves, dy.map(BF16.bits), choices, &halfX)
                #expect(halfX == foundX.map(BF16.bits), "\(team)")
            }
        }
    }
}
