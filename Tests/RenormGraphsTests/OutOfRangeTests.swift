import Foundation
import RenormFormats
import RenormGraphs
import Testing

/// Numbers from outside that no computation may be made of.
@Suite struct OutOfRangeTests {
    /// Schedules, and a part of what is said of them.
    static let schedules: [(String, String)] = [
        (
            #"{"kind": "constant", "value": 3, "warmup": 9223372036854775807}"#,
            "a warm-up of 9223372036854775807"
        ),
        (#"{"kind": "constant", "value": 3, "warmup": -1}"#, "0 to 2^40"),
        (
            #"{"kind": "linear", "points": [[-9000000000000000000, 1], [9000000000000000000, 3]]}"#,
            "at most 2^40"
        ),
        (#"{"kind": "linear", "points": []}"#, "pairs"),
        (#"{"kind": "linear", "points": [[0, "-inf"], [5, "inf"]]}"#, "one with a finite end"),
        (#"{"kind": "cosine", "from": 0.1, "to": 0, "steps": -5}"#, "a cosine of -5 steps"),
        (#"{"kind": "cosine", "from": 0.1, "to": 0, "steps": 9223372036854775807}"#, "0 to 2^40"),
        (#"{"kind": "cosine", "from": "inf", "to": 0, "steps": 5}"#, "finite numbers"),
        (#"{"kind": "step", "value": 1, "factor": "inf", "at": [5]}"#, "finite numbers"),
        (#"{"kind": "step", "value": 1, "factor": 0.1, "at": [-9223372036854775808]}"#, "at most 2^40"),
        (#"{"kind": "biasCorrection", "decay": 1.5}"#, "less than 1"),
    ]

    @Test(arguments: schedules)
    func aScheduleOfAFileIsChecked(text: String, expected: String) throws {
        let error = try #require(throws: DecodingError.self) {
            try JSONCoder.decode(Schedule.self, from: text)
        }
        #expect("\(error)".contains(expected), "\(error)")
    }

    @Test(arguments: [
        Schedule.constant(.nan), Schedule.constant(1).warmedUp(over: .max),
        Schedule.constant(1).warmedUp(over: .min),
        .linear([(.min, 0), (.max, 1)]), Schedule(.linear([])), .cosine(from: 1, steps: .min),
        .step(1, at: [.max]), Schedule(.biasCorrection(decay: 1)),
        Schedule(.linear([.init(step: 5, value: 1), .init(step: 2, value: 1)])),
        .step(1, at: Array(0...10_000)),
    ])
    func aScheduleOfCodeIsCheckedAndNeverTraps(schedule: Schedule) throws {
        let builder = GraphBuilder()
        #expect(throws: GraphError.self) { try builder.schedule("rate", schedule) }
        for step in [0, 1, 1 << 24, .max] { _ = schedule.value(at: step) }
        _ = schedule.minimum
    }

    @Test func schedulesThatRunsHaveAreKept() throws {
        let schedules: [Schedule] = [
            .linear([(0, 1), (500, 1), (1000, .infinity)]),
            .cosine(from: 0.1, steps: 1 << 24).warmedUp(over: 100),
            .step(0.1, at: [10, 20]), Schedule(.biasCorrection(decay: 0.999)), .constant(.infinity),
        ]
        for schedule in schedules {
            #expect(schedule.fault == nil)
            #expect(try JSONCoder.decode(Schedule.self, from: JSONCoder.encode(schedule)) == schedule)
        }
    }

    @Test func theSmallestValueIsFoundWhereverItIs() {
        #expect(Schedule.linear([(0, 3), (7, 0.5), (20, 4)]).minimum == 0.5)
        #expect(Schedule.constant(4).warmedUp(over: 8).minimum == 0.5)
        #expect(Schedule.step(1, factor: 0.5, at: [3, 1 << 30]).minimum == 0.25)
    }

    @Test func resultsThatNoArrayHoldsAreRefused() throws {
        let builder = GraphBuilder()
        let x = builder.input("x", shape: [1 << 30, 1])
        let y = builder.input("y", shape: [1, 1 << 30])
        let refused: [(String, () throws -> Tensor)] = [
            ("matmul", { try x.matmul(y) }),
            ("broadcast", { try x.broadcast(to: [1 << 30, 1 << 30]) }),
            ("reshape", { try x.reshaped(to: [.max, .max]) }),
            ("pad", { try x.padded(low: [1 << 62, 0], high: [0, 1 << 40]) }),
        ]
        for (operation, attempt) in refused {
            let error = #expect(throws: GraphError.self) { try attempt() }
            #expect(error?.description.hasPrefix("\(operation): found") == true)
            #expect(error?.description.contains("2^40") == true, "\(error?.description ?? "")")
        }
        let specification = VariableSpecification(
            path: "weight", kind: .parameter, shape: [.max, .max], initializer: .constant(0))
        let error = try #require(throws: GraphError.self) { try builder.variable(specification) }
        #expect(error.description.contains("2^40"), "\(error)")
    }

    @Test(arguments: [
        "margin", "floor", "ceiling", "memory", "adaptation", "inherited", "rMax", "dMax", "widening",
    ])
    func theConstantsOfGainsOfAFileAreChecked(name: String) throws {
        let whole = try JSONCoder.encode(MomentFilter())
        #expect(try JSONCoder.decode(MomentFilter.self, from: whole) == MomentFilter())
        var members = try #require(
            JSONSerialization.jsonObject(with: Data(whole.utf8)) as? [String: Any])
        members[name] = -1
        let damaged = try JSONSerialization.data(withJSONObject: members)
        #expect(throws: DecodingError.self) { try JSONCoder.decode(MomentFilter.self, from: damaged) }
    }
}
