import RenormEngines
import RenormTestSupport
import Testing

@Suite struct GradientTests {
    @Test func convolution() throws {
        let problem = try gradientMismatch(at: [randomArray([2, 5, 5, 3]), randomArray([4, 3, 3, 3])]) {
            try $0[0].convolution($0[1], options: ConvolutionOptions(padding: [1, 1, 1, 1]))
        }
        #expect(problem == nil)
    }
}
