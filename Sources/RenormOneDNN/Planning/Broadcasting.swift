import RenormArrays

/// How an operand is stretched over a loop nest [outer, inner].
struct Stretch: Hashable {
    /// The nest that it needs, or nil if any does.
    var split: Split?
    /// 1 where the operand moves along the outer loop, counted in its own elements.
    var outerStride: Int
    /// 1 where the operand moves along the inner loop.
    var innerStride: Int

    /// A loop nest over all elements of a result.
    struct Split: Hashable {
        var outer: Int
        var inner: Int
    }

    /// An operand of one element.
    static let scalar = Stretch(split: nil, outerStride: 0, innerStride: 0)
}

/// Consecutive axes along which an operand is either kept or repeated.
struct AxisRun: Equatable {
    var isKept: Bool
    var extent: Int
}

extension TensorShape {
    /// The axes of `target`, in runs, as this shape is stretched to it; axes of extent 1 are left out.
    func runs(stretchedTo target: TensorShape) -> [AxisRun] {
        let missing = target.rank - rank
        return AxisRun.merged(
            (0..<target.rank).map { axis in
                AxisRun(isKept: axis >= missing && self[axis - missing] != 1, extent: target[axis])
            })
    }

    /// How a loop nest over `target` reads an operand of this shape; nil if two loops do not suffice.
    func stretch(to target: TensorShape) -> Stretch? {
        let runs = runs(stretchedTo: target)
        switch runs.map(\.isKept) {
        case [], [false]:
            return .scalar
        case [false, true]:
            return Stretch(
                split: .init(outer: runs[0].extent, inner: runs[1].extent), outerStride: 0, innerStride: 1)
        case [true, false]:
            return Stretch(
                split: .init(outer: runs[0].extent, inner: runs[1].extent), outerStride: 1, innerStride: 0)
        default:
            return nil
        }
    }
}

extension AxisRun {
    /// Neighbours of a kind as one, without axes of extent 1.
    static func merged(_ axes: [AxisRun]) -> [AxisRun] {
        var runs: [AxisRun] = []
        for axis in axes where axis.extent != 1 {
            if runs.last?.isKept == axis.isKept {
                runs[runs.count - 1].extent *= axis.extent
            } else {
                runs.append(axis)
            }
        }
        return runs
    }
}
