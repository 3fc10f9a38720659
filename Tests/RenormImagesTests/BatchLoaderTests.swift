import Foundation
import RenormArrays
import RenormImages
import Testing

@Suite struct BatchLoaderTests {
    private func dataset(channels: Int = 1) throws -> Dataset {
        try numbered((0..<50).map { $0 % 10 }, height: 9, width: 6, channels: channels)
    }

    @Test(arguments: [1, 3]) func batchesAreTheScaledImages(channels: Int) throws {
        let dataset = try dataset(channels: channels).subset(Array((0..<50).reversed()))
        let scaling = try InputScaling(of: dataset)
        let sampler = try BatchSampler(.shuffled, dataset: dataset, batchSize: 8, seed: 1)
        let loader = BatchLoader(dataset: dataset, scaling: scaling, sampler: sampler, to: 20)
        var step = 0
        while let batch = try loader.next() {
            #expect(batch.step == step)
            #expect(batch.indices == sampler.indices(step: step))
            #expect(batch.images == scaling(dataset.subset(batch.indices).images))
            #expect(batch.labels.values(of: Int32.self) == batch.indices.map { dataset.labels[$0] })
            step += 1
        }
        #expect(step == 20)
        #expect(try loader.next() == nil)
    }

    @Test func aResumedLoaderGivesTheSameBatches() throws {
        let dataset = try dataset()
        let scaling = try InputScaling(of: dataset)
        let sampler = try BatchSampler(.shuffled, dataset: dataset, batchSize: 8, seed: 1)
        func images(from first: Int, seed: UInt64 = 7) throws -> [NDArray] {
            let loader = BatchLoader(
                dataset: dataset, scaling: scaling, augmentation: .standard, sampler: sampler, seed: seed,
                from: first, to: 12)
            var result: [NDArray] = []
            while let batch = try loader.next() { result.append(batch.images) }
            return result
        }
        let all = try images(from: 0)
        #expect(all.count == 12)
        #expect(try images(from: 5) == Array(all[5...]))
        #expect(try images(from: 0, seed: 8)[0] != all[0])
    }

    /// The bits that earlier versions trained on, so that their runs go on with the same.
    @Test(
        arguments: [
            (9, 6, 1, 0x5a12_fcf6_a991_d210, 0xf630_a1b8_135d_3195),
            (9, 6, 3, 0xfd6a_af54_3846_3531, 0x7565_a96c_35ef_405f),
            (33, 17, 2, 0xb32a_4d43_3fb2_bc2f, 0x0fff_f461_e105_45fc),
            (28, 28, 1, 0x4fc8_0112_fc53_04c8, 0x83fc_94c9_5498_6828),
        ] as [(Int, Int, Int, UInt64, UInt64)])
    func batchesStayTheSame(height: Int, width: Int, channels: Int, none: UInt64, standard: UInt64) throws {
        let dataset = try numbered(
            (0..<50).map { $0 % 10 }, height: height, width: width, channels: channels)
        let sampler = try BatchSampler(.shuffled, dataset: dataset, batchSize: 8, seed: 5)
        for (augmentation, expected) in [(Augmentation.none, none), (.standard, standard)] {
            for workers in [1, 4] {
                let loader = try BatchLoader(
                    dataset: dataset, scaling: InputScaling(of: dataset), augmentation: augmentation,
                    sampler: sampler, seed: 3, to: 9, workers: workers)
                var all: [Float] = []
                while let batch = try loader.next() { all += batch.images.floats }
                #expect(NDArray(all, shape: [all.count]).hash == expected, "\(augmentation), \(workers)")
            }
        }
    }

    @Test(arguments: [Sampling.shuffled, .labelBlocks(labels: 2, each: 2)])
    func aStepInPartsIsTheStep(sampling: Sampling) throws {
        let dataset = try dataset()
        let scaling = try InputScaling(of: dataset)
        let sampler = try BatchSampler(
            sampling, dataset: dataset, batchSize: 12, groupSize: 4, seed: 1)
        func loader(parts: Int, from first: Int) -> BatchLoader {
            BatchLoader(
                dataset: dataset, scaling: scaling, augmentation: .standard, sampler: sampler, seed: 7,
                from: first, to: 6, parts: parts)
        }
        let (whole, cut) = (loader(parts: 1, from: 2), loader(parts: 3, from: 2))
        var steps = 0
        while let batch = try whole.next() {
            for part in 0..<3 {
                let small = try #require(try cut.next())
                let rows = part * 4..<(part + 1) * 4
                #expect(small.step == batch.step)
                #expect(small.indices == Array(batch.indices[rows]))
                #expect(small.images == batch.images.rows(rows))
                #expect(small.labels == batch.labels.rows(rows))
            }
            steps += 1
        }
        #expect(steps == 4)
        #expect(try cut.next() == nil)
    }

    @Test func buffersAreReusedAndKeptBatchesStay() throws {
        let dataset = try dataset()
        let scaling = try InputScaling(of: dataset)
        let sampler = try BatchSampler(.sequential, dataset: dataset, batchSize: 8, seed: 1)
        let loader = BatchLoader(dataset: dataset, scaling: scaling, sampler: sampler, depth: 2)
        var addresses: Set<UnsafeRawPointer?> = []
        var batch: Batch?
        for _ in 0..<200 {
            batch = try loader.next()
            addresses.insert(batch?.images.withUnsafeBytes { $0.baseAddress })
        }
        #expect(addresses.count == 4)
        batch = nil
        var kept: [Batch] = []
        for _ in 0..<20 { kept.append(try #require(try loader.next())) }
        for (position, batch) in kept.enumerated() {
            #expect(batch.step == 200 + position)
            #expect(batch.images == scaling(dataset.subset(sampler.indices(step: batch.step)).images))
        }
    }

    @Test func evaluationKeepsTheLastBatch() throws {
        let dataset = try dataset()
        let scaling = try InputScaling(of: dataset)
        let batches = try BatchSampler.evaluationBatches(dataset: dataset, batchSize: 16)
        let loader = BatchLoader(dataset: dataset, scaling: scaling, batches: batches)
        var sizes: [Int] = []
        var images: [Float] = []
        while let batch = try loader.next() {
            sizes.append(batch.labels.elementCount)
            #expect(batch.images.shape[0] == sizes.last)
            images += batch.images.floats
        }
        #expect(sizes == [16, 16, 16, 2])
        #expect(images == scaling(dataset.images).floats)
    }

    private struct Broken: Error, Equatable {}

    @Test func errorsComeInTheirPlace() throws {
        let dataset = try dataset()
        let loader = try BatchLoader(
            dataset: dataset, scaling: InputScaling(of: dataset), augmentation: .none, seed: 0, from: 0,
            depth: 2
        ) { step, indices in
            if step == 3 { throw Broken() }
            indices = [step]
            return true
        }
        for step in 0..<3 { #expect(try loader.next()?.indices == [step]) }
        #expect(throws: Broken.self) { try loader.next() }
        #expect(throws: Broken.self) { try loader.next() }
    }

    @Test func aCancelledLoaderEnds() async throws {
        let dataset = try dataset()
        let sampler = try BatchSampler(.shuffled, dataset: dataset, batchSize: 8, seed: 1)
        let loader = try BatchLoader(dataset: dataset, scaling: InputScaling(of: dataset), sampler: sampler)
        #expect(try loader.next() != nil)
        loader.cancel()
        #expect(try loader.next() == nil)
    }

    @Test func cancellingWakesAWaitingCaller() throws {
        let dataset = try dataset()
        let isAsked = DispatchSemaphore(value: 0)
        let goesOn = DispatchSemaphore(value: 0)
        let loader = try BatchLoader(
            dataset: dataset, scaling: InputScaling(of: dataset), augmentation: .none, seed: 0, from: 0,
            depth: 2
        ) { _, _ in
            isAsked.signal()
            goesOn.wait()
            return false
        }
        let isDone = DispatchSemaphore(value: 0)
        Thread.detachNewThread {
            #expect(throws: Never.self) { try loader.next() == nil }
            isDone.signal()
        }
        isAsked.wait()
        loader.cancel()
        #expect(isDone.wait(timeout: .now() + 10) == .success)
        goesOn.signal()
    }

    private final class Witness: Sendable {}

    @Test(arguments: [1, 4]) func lettingGoOfALoaderEndsItsThreads(workers: Int) throws {
        let dataset = try dataset()
        weak var witness: Witness?
        var loader: BatchLoader?
        do {
            let held = Witness()
            witness = held
            loader = try BatchLoader(
                dataset: dataset, scaling: InputScaling(of: dataset), augmentation: .none, seed: 0, from: 0,
                depth: 2, workers: workers
            ) { step, indices in
                withExtendedLifetime(held) { indices = [step % 50] }
                return true
            }
        }
        #expect(try loader?.next() != nil)
        #expect(witness != nil)
        loader = nil
        // The threads, once ended, let go of what draws, and so of the witness.
        for _ in 0..<1000 where witness != nil { Thread.sleep(forTimeInterval: 0.01) }
        #expect(witness == nil)
    }

    @Test(arguments: [1, 3]) func noMoreThreadsThanWorkersMakeBatches(workers: Int) throws {
        let dataset = try dataset()
        let threads = ThreadList()
        let loader = try BatchLoader(
            dataset: dataset, scaling: InputScaling(of: dataset), augmentation: .none, seed: 0, from: 0,
            depth: 2, workers: workers
        ) { step, indices in
            threads.append(Thread.current)
            indices = [0]
            return step < 30
        }
        while try loader.next() != nil {}
        let found = Set(threads.all.map(ObjectIdentifier.init))
        #expect(workers == 1 ? found.count == 1 : found.count <= workers)
        #expect(!found.contains(ObjectIdentifier(Thread.current)))
        #expect(threads.all.count == 31)
    }
}

private final class ThreadList: @unchecked Sendable {
    private let lock = NSLock()
    private var threads: [Thread] = []

    func append(_ thread: Thread) { lock.withLock { threads.append(thread) } }
    var all: [Thread] { lock.withLock { threads } }
}
