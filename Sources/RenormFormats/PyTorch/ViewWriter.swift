import RenormArrays

/// Fills an array with the numbers of a view while the bytes of its storage pass by, from the first to the last.
struct ViewWriter {
    /// An axis of the view: how many numbers, and how many bytes from one to the next in the storage and in the array.
    private struct Axis {
        var count: Int
        var step: Int
        var targetStep: Int
    }

    private(set) var array: NDArray
    private let type: StoredType
    /// The axes by their steps in the storage, the largest first; neighbours that one step can walk are one.
    private let axes: [Axis]
    /// Whether the numbers come in this order in the storage. Else all its bytes must be there at once.
    let isInOrder: Bool
    private var index: [Int]
    private var source: Int
    private var target = 0
    private var isFull: Bool

    /// Makes the array of a view whose type is read.
    init(_ view: TensorView) {
        guard let type = view.type else { preconditionFailure("numbers of this type are not read") }
        self.type = type
        array = NDArray(toFill: view.shape, type: type.elementType)
        let targetUnit = type.elementType.byteCount
        var axes: [Axis] = []
        let all = zip(view.shape.dimensions, zip(view.strides, view.shape.strides)).map {
            Axis(count: $0, step: $1.0 * type.byteCount, targetStep: $1.1 * targetUnit)
        }
        for axis in all.filter({ $0.count > 1 }).sorted(by: { $0.step > $1.step }) {
            if let outer = axes.last, outer.step == axis.step * axis.count,
                outer.targetStep == axis.targetStep * axis.count
            {
                axes[axes.count - 1] = Axis(
                    count: outer.count * axis.count, step: axis.step, targetStep: axis.targetStep)
            } else {
                axes.append(axis)
            }
        }
        if axes.isEmpty { axes = [Axis(count: 1, step: type.byteCount, targetStep: targetUnit)] }
        self.axes = axes
        // An axis must not step back behind the last number of the axes inside it.
        var (reach, isInOrder) = (0, true)
        for axis in axes.reversed() {
            isInOrder = isInOrder && axis.step > reach
            reach += (axis.count - 1) * axis.step
        }
        self.isInOrder = isInOrder
        index = [Int](repeating: 0, count: axes.count)
        source = view.start
        isFull = view.shape.elementCount == 0
    }

    /// Takes the numbers that lie in these bytes, which begin at `start` in the storage and come after those before.
    mutating func write(_ bytes: UnsafeRawBufferPointer, at start: Int) {
        guard !isFull, source < start + bytes.count else { return }
        precondition(source >= start, "bytes have been left out")
        var (index, source, target, isFull) = (index, source, target, isFull)
        let (inner, type, axes) = (axes[axes.count - 1], type, axes)
        array.withUnsafeMutableBytes { memory in
            while !isFull, source < start + bytes.count {
                var count = inner.count - index[axes.count - 1]
                if inner.step > 0 { count = min(count, (start + bytes.count - source - 1) / inner.step + 1) }
                type.copy(
                    count, from: bytes.baseAddress! + (source - start), step: inner.step,
                    to: memory.baseAddress! + target, step: inner.targetStep)
                index[axes.count - 1] += count
                source += count * inner.step
                target += count * inner.targetStep
                var axis = axes.count - 1
                while index[axis] == axes[axis].count {
                    source -= axes[axis].count * axes[axis].step
                    target -= axes[axis].count * axes[axis].targetStep
                    index[axis] = 0
                    guard axis > 0 else {
                        isFull = true
                        break
                    }
                    axis -= 1
                    index[axis] += 1
                    source += axes[axis].step
                    target += axes[axis].targetStep
                }
            }
        }
        (self.index, self.source, self.target, self.isFull) = (index, source, target, isFull)
    }
}
