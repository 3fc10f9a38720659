import Renorm
import Testing

struct IntervalTests {
    /// As scipy.stats.t.interval gives it.
    @Test func intervalsAreStudents() throws {
        let interval = try #require(Interval([0.812, 0.83, 0.805, 0.841, 0.822]))
        #expect(abs(interval.mean - 0.822) < 1e-12)
        #expect(abs(interval.low - 0.804_287) < 2e-5 && abs(interval.high - 0.839_713) < 2e-5)
        #expect(Interval([]) == nil && Interval([0.5])?.margin == nil)
        #expect(abs(Interval([Double](repeating: 1, count: 60) + [2])!.margin! - 0.032_792) < 2e-5)
        #expect(abs(Interval.studentsT(degrees: 31) - 2.039_51) < 1e-4)
    }
}
