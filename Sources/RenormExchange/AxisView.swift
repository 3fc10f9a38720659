/// An extent of memory that no reshaping so far has cut: axes are made of these, and two are the same only if they are one.
final class Atom: Hashable {
    let extent: Extent

    init(_ extent: Extent) { self.extent = extent }

    static func == (left: Atom, right: Atom) -> Bool { left === right }
    func hash(into hasher: inout Hasher) { hasher.combine(ObjectIdentifier(self)) }
}

/// How the axes of a value are to be found in an array that lies in another order: reshaping and transposing only change this,
/// so what one program does and another undoes leaves nothing behind.
///
/// An axis is a product of atoms, the outermost first; an axis of extent 1 has none.
struct AxisView {
    /// The axes of the array as it is.
    var physical: [[Atom]]
    /// The axes of the value.
    var logical: [[Atom]]

    /// A value that is the array as it is.
    init(_ extents: [Extent]) {
        physical = extents.map { $0 == .one ? [] : [Atom($0)] }
        logical = physical
    }

    init(physical: [[Atom]], logical: [[Atom]]) {
        self.physical = physical
        self.logical = logical
    }

    /// The extents of the value.
    var extents: [Extent] { logical.map(Self.extent) }

    /// The extent of an axis.
    static func extent(_ axis: [Atom]) -> Extent {
        axis.reduce(.one) { $0.times($1.extent)! }
    }

    /// The value with its axes in another order: axis i of the result is axis `permutation[i]`.
    func transposed(_ permutation: [Int]) -> AxisView {
        AxisView(physical: physical, logical: permutation.map { logical[$0] })
    }

    /// The value under other extents, in the same order; `nil` where they cut it in a way that atoms cannot follow.
    func reshaped(to extents: [Extent]) -> AxisView? {
        var (result, rest, view) = ([[Atom]](), logical.flatMap { $0 }, self)
        for extent in extents {
            var (axis, left) = ([Atom](), extent)
            while left != .one {
                guard let atom = rest.first else { return nil }
                if let more = left.divided(by: atom.extent) {
                    axis.append(atom)
                    rest.removeFirst()
                    left = more
                } else if let inner = atom.extent.divided(by: left) {
                    let parts = [Atom(left), Atom(inner)]
                    view = view.replacing(atom, by: parts)
                    result = result.map { $0.flatMap { $0 == atom ? parts : [$0] } }
                    axis.append(parts[0])
                    rest[0] = parts[1]
                    left = .one
                } else {
                    return nil
                }
            }
            result.append(axis)
        }
        guard rest.isEmpty else { return nil }
        view.logical = result
        return view
    }

    private func replacing(_ atom: Atom, by parts: [Atom]) -> AxisView {
        func replaced(_ axes: [[Atom]]) -> [[Atom]] { axes.map { $0.flatMap { $0 == atom ? parts : [$0] } } }
        return AxisView(physical: replaced(physical), logical: replaced(logical))
    }

    /// What has to be done to the array that its axes be those of the value in this order.
    struct Steps {
        /// The extents to take first; `nil` for those that are there.
        var cut: [Extent]?
        /// The order to take then.
        var permutation: [Int]?
        /// The extents to take last.
        var joined: [Extent]?
        /// The axes after it.
        var physical: [[Atom]]
    }

    /// The steps to an array whose axes are those of the value, in an order.
    func steps(order: [Int]) -> Steps {
        let target = order.map { logical[$0] }
        var result = Steps(physical: target)
        if target == physical { return result }
        let (from, to) = (physical.flatMap { $0 }, target.flatMap { $0 })
        if from == to {
            result.joined = target.map(Self.extent)
            return result
        }
        // Atoms that stay neighbours move together.
        let runs = Self.commonRuns(from, to)
        let places = runs.map { run in to.firstIndex(of: run[0])! }
        let permutation = places.indices.sorted { places[$0] < places[$1] }
        if physical != runs { result.cut = runs.map(Self.extent) }
        result.permutation = permutation
        if permutation.map({ runs[$0] }) != target { result.joined = target.map(Self.extent) }
        return result
    }

    /// The longest runs of one order that stand in the other too.
    private static func commonRuns(_ from: [Atom], _ to: [Atom]) -> [[Atom]] {
        var runs: [[Atom]] = []
        for atom in from {
            if let last = runs.last?.last, let place = to.firstIndex(of: last), place + 1 < to.count,
                to[place + 1] == atom
            {
                runs[runs.count - 1].append(atom)
            } else {
                runs.append([atom])
            }
        }
        return runs
    }
}
