import Renorm
import RenormTestSupport
import Testing

/// Plans that are broken on purpose: each fault is found, and said.
@Suite struct PlanInvariantsTests {
    private func plan(isTraining: Bool = true) throws -> PlannedAccesses {
        let model = try Model(
            Small(classes: 4, width: 0.25, normalization: Normalization(.batchRenorm)), input: [8, 8, 1])
        let options = TrainingOptions(learningRate: .constant(0.1))
        let graph =
            isTraining
            ? try TrainingGraph(model, batch: 4, options: options).graph : try model.graph(batch: 4)
        let executable = try OneDNNEngine(threads: 2).compile(graph)
        return try #require(executable as? OneDNNExecutable).accesses()
    }

    /// The first unit of the evaluation that reads what another one of it has made in shared memory: who, which operand.
    private func reader(in plan: PlannedAccesses) throws -> (unit: Int, read: Int, maker: Int) {
        let found = plan.evaluation.indices.lazy.compactMap { index in
            plan.evaluation[index].reads.indices.lazy.compactMap { read in
                let place = plan.evaluation[index].reads[read]
                let maker = plan.evaluation[..<index].lastIndex { $0.writes.contains(place) }
                return place.home == .arena ? maker.map { (index, read, $0) } : nil
            }.first
        }.first
        return try #require(found)
    }

    @Test func aPlanThatIsMadeHoldsThem() throws {
        let plan = try plan()
        #expect(plan.violation == nil)
        // There is something that could be wrong.
        #expect(!plan.constants.isEmpty && !plan.evaluation.isEmpty && !plan.updates.isEmpty)
        let inference = try self.plan(isTraining: false)
        #expect(inference.violation == nil && !inference.prologue.isEmpty)
        #expect(plan.evaluation.contains { !$0.inPlace.isEmpty })
        #expect(plan.evaluation.contains { !$0.scratch.isEmpty })
    }

    @Test func aValueThatNobodyMakesIsFound() throws {
        var plan = try plan()
        let (_, _, maker) = try reader(in: plan)
        plan.evaluation[maker].writes.removeAll()
        #expect(plan.violation?.contains("reads value") == true)
    }

    @Test func aReaderBeforeItsWriterIsFound() throws {
        var plan = try plan()
        let (unit, _, maker) = try reader(in: plan)
        plan.evaluation.swapAt(unit, maker)
        #expect(plan.violation != nil)
    }

    @Test func aValueThatIsWrittenOverWhileItIsNeededIsFound() throws {
        var plan = try plan()
        let (unit, read, _) = try reader(in: plan)
        let place = plan.evaluation[unit].reads[read]
        var intruder = plan.evaluation[unit]
        intruder.name = "intruder"
        intruder.reads = []
        intruder.inPlace = [:]
        intruder.scratch = 0..<0
        intruder.writes = [
            .init(home: .arena, bytes: place.bytes.lowerBound..<place.bytes.lowerBound + 4, value: 100_000)
        ]
        plan.evaluation.insert(intruder, at: unit)
        #expect(
            plan.violation
                == "\(plan.evaluation[unit + 1].name) reads value \(place.value), but value 100000 has been "
                + "written over it")
    }

    @Test func scratchMemoryThatHoldsAnOperandIsFound() throws {
        var plan = try plan()
        let (unit, read, _) = try reader(in: plan)
        let place = plan.evaluation[unit].reads[read]
        plan.evaluation[unit].scratch = place.bytes.upperBound - 1..<place.bytes.upperBound
        #expect(plan.violation == "\(plan.evaluation[unit].name) has an operand in its scratch memory")
    }

    @Test func aResultOverAnOperandThatIsNotMeantIsFound() throws {
        var plan = try plan()
        let unit = try #require(plan.evaluation.firstIndex { !$0.inPlace.isEmpty })
        plan.evaluation[unit].inPlace = [:]
        #expect(plan.violation?.hasPrefix("\(plan.evaluation[unit].name) writes value") == true)
    }

    @Test func whatThePrologueMadeMustLastForLaterRuns() throws {
        var plan = try plan(isTraining: false)
        let kept = try #require(plan.prologue.flatMap(\.writes).first { $0.home == .persistent })
        // The last thing of a run, so that only the next one can notice.
        plan.evaluation[plan.evaluation.count - 1].writes.append(
            .init(home: .persistent, bytes: kept.bytes, value: 100_000))
        #expect(plan.violation?.contains("but value 100000 has been written over it") == true)
    }
}
