import RenormKernels

/// A copy between two arrays given by sizes and strides, counted in elements.
struct CopyPiece {
    var sizes: [Int]
    var sourceStrides: [Int]
    var targetStrides: [Int]
    var sourceOffset = 0
    var targetOffset = 0

    /// The same copy with as few axes as possible.
    var merged: CopyPiece {
        var result = self
        (result.sizes, result.sourceStrides, result.targetStrides) = ([], [], [])
        for axis in sizes.indices where sizes[axis] != 1 {
            let (size, source, target) = (sizes[axis], sourceStrides[axis], targetStrides[axis])
            if let last = result.sizes.indices.last, result.sourceStrides[last] == source * size,
                result.targetStrides[last] == target * size
            {
                result.sizes[last] *= size
                result.sourceStrides[last] = source
                result.targetStrides[last] = target
            } else {
                result.sizes.append(size)
                result.sourceStrides.append(source)
                result.targetStrides.append(target)
            }
        }
        return result
    }
}

/// Copies a piece of each operand into the result, which is filled with zeros before if it is not covered.
final class CopyUnit: Unit {
    let name = "copy"
    private let pieces: [Piece]
    private let zeroCount: Int
    private let zeroType: renorm_type

    private struct Piece {
        let kind: renorm_copy_kind
        let rank: Int32
        let sourceByteOffset: Int
        let targetByteOffset: Int
        /// Sizes, source strides, target strides.
        let numbers: UnsafeMutablePointer<Int>
    }

    /// - Parameter zeroCount: How many elements to set to zero before copying.
    init(
        _ pieces: [CopyPiece], kind: renorm_copy_kind, sourceBytes: Int, targetBytes: Int, zeroCount: Int = 0
    ) {
        self.zeroCount = zeroCount
        zeroType = targetBytes == 2 ? .bf16 : .f32
        self.pieces = pieces.map { piece in
            let merged = piece.merged
            let all = merged.sizes + merged.sourceStrides + merged.targetStrides
            let numbers = UnsafeMutablePointer<Int>.allocate(capacity: max(all.count, 1))
            numbers.initialize(from: all, count: all.count)
            return Piece(
                kind: kind, rank: Int32(merged.sizes.count),
                sourceByteOffset: merged.sourceOffset * sourceBytes,
                targetByteOffset: merged.targetOffset * targetBytes, numbers: numbers)
        }
    }

    deinit {
        for piece in pieces { piece.numbers.deallocate() }
    }

    func run(_ memory: UnitMemory, _ context: RunContext) {
        if zeroCount > 0 { renorm_fill(context.team, zeroType, zeroCount, 0, memory.writes[0]) }
        for (position, piece) in pieces.enumerated() {
            let rank = Int(piece.rank)
            renorm_copy(
                context.team, piece.kind, piece.rank, piece.numbers, piece.numbers + rank,
                piece.numbers + 2 * rank, memory.reads[position] + piece.sourceByteOffset,
                memory.writes[0] + piece.targetByteOffset)
        }
    }
}
