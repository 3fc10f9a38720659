/// What the units of a plan read and write, in their order: enough to tell whether every reader finds the value that it
/// looks for. Plans are checked when they are made in debug builds.
package struct PlannedAccesses {
    /// Bytes of one block of memory, and the value (by its buffer) that lies there.
    package struct Place: Equatable {
        package var home: Buffer.Home
        package var bytes: Range<Int>
        package var value: Int

        package init(home: Buffer.Home, bytes: Range<Int>, value: Int) {
            self.home = home
            self.bytes = bytes
            self.value = value
        }
    }

    /// What a unit touches.
    package struct Access {
        package var name: String
        package var reads: [Place]
        package var writes: [Place]
        package var scratch: Range<Int>
        /// Which results lie in the memory of which operands on purpose.
        package var inPlace: [Int: Int]
    }

    /// The parts of a run: once for each memory, whenever variables have changed, in every run, and where the guards are finite.
    package var constants: [Access]
    package var prologue: [Access]
    package var evaluation: [Access]
    package var updates: [Access]
    /// What is there when a run begins: variables, feeds and numbers.
    package var given: [Place]
    /// What is read after the evaluation, and the new values of variables after the updates.
    package var results: [Place]
    package var newValues: [Place]

    init(_ lowering: Lowering, _ order: UnitOrder, _ memory: MemoryPlan) {
        func place(_ operand: Operand) -> Place {
            let start = memory.offsets[operand.buffer]
            return Place(
                home: memory.homes[operand.buffer],
                bytes: start + operand.byteOffset..<start + lowering.buffers[operand.buffer].byteCount,
                value: operand.buffer)
        }
        func accesses(_ units: [Int]) -> [Access] {
            units.map { index in
                let unit = lowering.units[index]
                let scratch = memory.scratch[index] ?? 0
                let path = unit.key < 0 ? "" : lowering.prepared.node(unit.key).path
                return Access(
                    name: "unit \(index) at '\(path)'", reads: unit.reads.map(place),
                    writes: unit.writes.map(place), scratch: scratch..<scratch + unit.scratchByteCount,
                    inPlace: memory.inPlace[index] ?? [:])
            }
        }
        constants = accesses(order.constants)
        prologue = accesses(order.prologue)
        evaluation = accesses(order.evaluation)
        updates = accesses(order.updates)
        given = lowering.buffers.indices.compactMap { buffer in
            switch lowering.buffers[buffer].home {
            case .arena, .persistent: nil
            case .variable, .input, .scalar: place(Operand(buffer: buffer))
            }
        }
        results = (lowering.fetches + lowering.guards.map(\.operand)).map(place)
        newValues = lowering.updates.map { place($0.operand) }
    }

    /// What is wrong, in one sentence; `nil` for a plan that computes what its units say.
    ///
    /// Two runs are followed, and a third after a change of variables: each byte that a unit or the caller reads must have
    /// been written last as part of the value that is read, and no unit writes where it reads unless that is meant.
    package var violation: String? {
        var memory = Followed()
        if let found = memory.follow(constants) { return found }
        for runsPrologue in [true, false, true] {
            for place in given { memory.write(place) }
            let found =
                (runsPrologue ? memory.follow(prologue) : nil) ?? memory.follow(evaluation)
                ?? memory.problem(reading: results, by: "a result")
                ?? memory.follow(updates) ?? memory.problem(reading: newValues, by: "an update")
            if let found { return found }
        }
        return nil
    }
}

/// Which value lies where, while the units of a plan are followed.
private struct Followed {
    /// Stretches that do not overlap.
    private var held: [Buffer.Home: [PlannedAccesses.Place]] = [:]

    mutating func follow(_ units: [PlannedAccesses.Access]) -> String? {
        for unit in units {
            if let found = problem(reading: unit.reads, by: unit.name) ?? Followed.clash(in: unit) {
                return found
            }
            for place in unit.writes { write(place) }
            write(PlannedAccesses.Place(home: .arena, bytes: unit.scratch, value: -1))
        }
        return nil
    }

    func problem(reading places: [PlannedAccesses.Place], by reader: String) -> String? {
        for place in places {
            let found = held[place.home, default: []].filter { $0.bytes.overlaps(place.bytes) }
            if let other = found.first(where: { $0.value != place.value }) {
                let what = other.value < 0 ? "scratch memory" : "value \(other.value)"
                return "\(reader) reads value \(place.value), but \(what) has been written over it"
            }
            let covered = found.reduce(0) { $0 + $1.bytes.clamped(to: place.bytes).count }
            if covered < place.bytes.count {
                return "\(reader) reads value \(place.value), which nothing has written before"
            }
        }
        return nil
    }

    mutating func write(_ place: PlannedAccesses.Place) {
        guard !place.bytes.isEmpty else { return }
        var kept: [PlannedAccesses.Place] = []
        for var old in held[place.home, default: []] {
            guard old.bytes.overlaps(place.bytes) else {
                kept.append(old)
                continue
            }
            let bytes = old.bytes
            for rest in [
                bytes.lowerBound..<max(bytes.lowerBound, place.bytes.lowerBound),
                min(bytes.upperBound, place.bytes.upperBound)..<bytes.upperBound,
            ] where !rest.isEmpty {
                old.bytes = rest
                kept.append(old)
            }
        }
        held[place.home] = kept + [place]
    }

    /// Two operands of one unit that share memory and must not.
    private static func clash(in unit: PlannedAccesses.Access) -> String? {
        func overlap(_ a: PlannedAccesses.Place, _ b: PlannedAccesses.Place) -> Bool {
            a.home == b.home && a.bytes.overlaps(b.bytes)
        }
        for (position, write) in unit.writes.enumerated() {
            if unit.writes[..<position].contains(where: { overlap($0, write) }) {
                return "\(unit.name) writes two results to one place"
            }
            for (read, place) in unit.reads.enumerated()
            where overlap(place, write) && unit.inPlace[position] != read {
                return "\(unit.name) writes value \(write.value) over value \(place.value), which it reads"
            }
        }
        let isDisturbed = (unit.reads + unit.writes).contains {
            $0.home == .arena && $0.bytes.overlaps(unit.scratch)
        }
        return isDisturbed ? "\(unit.name) has an operand in its scratch memory" : nil
    }
}
