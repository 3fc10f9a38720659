import RenormFormats
import RenormGraphs
import Testing

@Suite struct ScheduleTests {
    @Test func constant() {
        #expect([0, 1, 1_000_000].map(Schedule.constant(0.3).value) == [0.3, 0.3, 0.3])
    }

    @Test func linearBetweenItsPointsLevelOutsidePointsInAnyOrder() {
        let schedule = Schedule.linear([(20, 3), (10, 1), (40, 0)])
        #expect([0, 10, 15, 20, 30, 40, 99].map(schedule.value) == [1, 1, 2, 3, 1.5, 0, 0])
        #expect([0, 9, 10, 11].map(Schedule.linear([(10, 1), (10, 5)]).value) == [1, 1, 1, 5])
        #expect(Schedule.linear([(0, 1), (0, .infinity)]).value(at: 1) == .infinity)
    }

    @Test func cosineHalfAWaveThenLevel() {
        let schedule = Schedule.cosine(from: 1, to: 0.2, steps: 100)
        for (step, value) in [
            (0, 1.0), (50, 0.6), (100, 0.2), (500, 0.2), (25, 0.6 + 0.4 * 0.5.squareRoot()),
        ] {
            #expect(abs(schedule.value(at: step) - value) < 1e-15)
        }
        #expect(Schedule.cosine(from: 1, steps: 0).value(at: 0) == 0)
    }

    @Test func stepMultipliedAtEachMilestone() {
        let schedule = Schedule.step(8, factor: 0.5, at: [10, 20])
        #expect([0, 9, 10, 19, 20, 99].map(schedule.value) == [8, 8, 4, 4, 2, 2])
    }

    @Test func biasCorrection() {
        let schedule = Schedule(.biasCorrection(decay: 0.9))
        #expect(abs(schedule.value(at: 0) - 0.1) < 1e-15)
        #expect(abs(schedule.value(at: 1) - 0.19) < 1e-15)
        #expect(schedule.value(at: 10_000) == 1)
    }

    @Test func biasCorrectionOfAnAverageThatBeganLater() {
        let (schedule, later) = (
            Schedule(.biasCorrection(decay: 0.9)), Schedule(.biasCorrection(decay: 0.9, since: 7))
        )
        for step in 0..<5 { #expect(later.value(at: step + 7) == schedule.value(at: step)) }
    }

    @Test func exponentialByTheSameFactorThenLevel() {
        let schedule = Schedule.exponential(from: 1e-4, to: 10, steps: 5)
        for (step, value) in [(0, 1e-4), (1, 1e-3), (2, 1e-2), (3, 0.1), (4, 1.0), (5, 10), (9, 10)] {
            #expect(abs(schedule.value(at: step) / value - 1) < 1e-12)
        }
        #expect(Schedule.exponential(from: 0, to: 1, steps: 5).fault != nil)
        #expect(Schedule.exponential(from: 1e-300, to: 1e300, steps: 5).fault != nil)
    }

    @Test func warmUpScalesTheCourseAndReachesItAtItsLastStep() {
        let schedule = Schedule.constant(2).warmedUp(over: 4)
        #expect([0, 1, 2, 3, 4].map(schedule.value) == [0.5, 1, 1.5, 2, 2])
        let decaying = Schedule.linear([(0, 1), (10, 0)]).warmedUp(over: 2)
        #expect([0, 1, 2].map(decaying.value) == [0.5, 0.9, 0.8])
    }

    @Test(arguments: [
        (Schedule.constant(0.1), #"{"kind":"constant","value":0.1}"#),
        (.constant(.infinity), #"{"kind":"constant","value":"inf"}"#),
        (.constant(-.infinity), #"{"kind":"constant","value":"-inf"}"#),
        (.linear([(0, 1), (500, .infinity)]), #"{"kind":"linear","points":[[0,1],[500,"inf"]]}"#),
        (
            .cosine(from: 0.1, to: 0, steps: 2000).warmedUp(over: 100),
            #"{"from":0.1,"kind":"cosine","steps":2000,"to":0,"warmup":100}"#
        ),
        (.step(1, factor: 0.1, at: [3, 5]), #"{"at":[3,5],"factor":0.1,"kind":"step","value":1}"#),
        (Schedule(.biasCorrection(decay: 0.999)), #"{"decay":0.999,"kind":"biasCorrection"}"#),
        (
            Schedule(.biasCorrection(decay: 0.999, since: 30)),
            #"{"decay":0.999,"kind":"biasCorrection","since":30}"#
        ),
        (
            .exponential(from: 0.001, to: 10, steps: 100),
            #"{"from":0.001,"kind":"exponential","steps":100,"to":10}"#
        ),
    ])
    func isSavedAsReadableJSONAndReadBack(_ schedule: Schedule, _ text: String) throws {
        #expect(try JSONCoder.encode(schedule) == text)
        #expect(try JSONCoder.decode(Schedule.self, from: text) == schedule)
    }

    @Test(arguments: [
        #"{"kind":"sine","value":1}"#, #"{"kind":"constant"}"#, #"{"kind":"constant","value":"much"}"#,
        #"{"kind":"constant","value":"nan"}"#, #"{"kind":"linear","points":[]}"#,
        #"{"kind":"linear","points":[[1]]}"#, #"{"kind":"linear","points":[["inf",1]]}"#,
        #"{"kind":"linear","points":[[1e30,1]]}"#, #"{"kind":"linear","points":[[0.5,1]]}"#, #"{"value":1}"#,
    ])
    func nonsenseIsRefused(_ text: String) {
        #expect(throws: DecodingError.self) {
            try JSONCoder.decode(Schedule.self, from: text)
        }
    }
}
