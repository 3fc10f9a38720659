import Dispatch
import Foundation
import RenormArrays
import Synchronization

/// Reads the tensors of a file, each storage once, by several threads.
struct StorageReader: Sendable {
    let path: String
    /// Gives the bytes of a storage.
    let stream: @Sendable (PickledStorage.Root) throws -> ByteStream

    /// So many times the storages' sizes may tensors have, and so many bytes in any case: tensors may use a number often.
    static let largestRatio = 2
    static let allowance = 1 << 24
    /// A multiple of every number's size, so that none lies in two pieces.
    private static let piece = 1 << 20

    /// The arrays of tensors, whose types are read.
    ///
    /// - Parameter views: with their names, for messages.
    func arrays(of views: [(name: String, view: TensorView)]) throws -> [TensorView: NDArray] {
        var byStorage: [PickledStorage.Root: [TensorView]] = [:]
        var (seen, total) = (Set<TensorView>(), 0)
        for (name, view) in views where seen.insert(view).inserted {
            guard !view.storage.isMeta else {
                throw FormatError.malformedTensor(
                    path: path, tensor: name,
                    reason: "it was saved without its numbers, on the device \"meta\"")
            }
            byStorage[view.storage, default: []].append(view)
            total = total.saturatingSum(view.byteCount)
        }
        let limit = byStorage.keys.reduce(StorageReader.allowance) {
            $0.saturatingSum($1.byteCount.saturatingProduct(StorageReader.largestRatio))
        }
        guard total <= limit else {
            let largest = views.max { $0.view.byteCount < $1.view.byteCount }
            throw FormatError.malformedTensor(
                path: path, tensor: largest?.name ?? "",
                reason:
                    "it and the others would take \(total) bytes, of which at most \(limit) are believed of this file"
            )
        }
        return try read(byStorage.sorted { $0.key.byteCount > $1.key.byteCount }.map { ($0.key, $0.value) })
    }

    private func read(_ storages: [(PickledStorage.Root, [TensorView])]) throws -> [TensorView: NDArray] {
        struct Progress {
            var next = 0
            var arrays: [TensorView: NDArray] = [:]
            var error: (any Error)?
        }
        let progress = Mutex(Progress())
        let threads = min(ProcessInfo.processInfo.activeProcessorCount, storages.count, 4)
        DispatchQueue.concurrentPerform(iterations: threads) { _ in
            while let place = progress.withLock({ state -> Int? in
                guard state.error == nil, state.next < storages.count else { return nil }
                defer { state.next += 1 }
                return state.next
            }) {
                let result = Result { try arrays(of: storages[place].1, in: storages[place].0) }
                progress.withLock { state in
                    switch result {
                    case .success(let arrays): state.arrays.merge(arrays) { $1 }
                    case .failure(let error): state.error = state.error ?? error
                    }
                }
            }
        }
        return try progress.withLock { state in
            if let error = state.error { throw error }
            return state.arrays
        }
    }

    /// The views of one storage.
    private func arrays(
        of views: [TensorView], in storage: PickledStorage.Root
    ) throws -> [(TensorView, NDArray)] {
        let stream = try stream(storage)
        if views.count == 1, views[0].isWhole {
            var array = NDArray(uninitialized: views[0].shape, type: views[0].type!.elementType)
            try array.withUnsafeMutableBytes { try stream.read(into: $0) }
            try stream.finish()
            return [(views[0], array)]
        }
        var writers = views.map { ViewWriter($0) }
        // Numbers that are used more than once are looked for in all bytes.
        let size = writers.allSatisfy(\.isInOrder) ? min(StorageReader.piece, stream.count) : stream.count
        let piece = UnsafeMutableRawBufferPointer.allocate(byteCount: size, alignment: 64)
        defer { piece.deallocate() }
        while stream.position < stream.count {
            let start = stream.position
            let part = UnsafeMutableRawBufferPointer(rebasing: piece[..<min(size, stream.count - start)])
            try stream.read(into: part)
            for place in writers.indices { writers[place].write(UnsafeRawBufferPointer(part), at: start) }
        }
        try stream.finish()
        return zip(views, writers).map { ($0, $1.array) }
    }
}
