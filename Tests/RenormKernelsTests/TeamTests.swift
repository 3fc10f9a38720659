import Foundation
import RenormKernels
import Synchronization
import Testing

extension KernelTests {
    @Suite struct Teams {
        /// Which threads ran, and how many there were said to be.
        final class Record: Sendable {
            let runs = Mutex<[Int32: Int]>([:])
            let sizes = Mutex<Set<Int32>>([])
        }

        private func runs(_ team: OpaquePointer, times: Int) -> Record {
            let record = Record()
            for _ in 0..<times {
                renorm_team_run(
                    team,
                    { context, thread, threads in
                        let record = Unmanaged<Record>.fromOpaque(context!).takeUnretainedValue()
                        record.runs.withLock { $0[thread, default: 0] += 1 }
                        _ = record.sizes.withLock { $0.insert(threads) }
                    }, Unmanaged.passUnretained(record).toOpaque())
            }
            return record
        }

        @Test(arguments: [1, 2, 3, 5] as [Int32]) func everyThreadRunsOnceEachTime(_ threads: Int32) throws {
            let team = try #require(renorm_team_create(threads, nil, nil, nil))
            defer { renorm_team_destroy(team) }
            #expect(renorm_team_threads(team) == threads)
            for round in 1...3 {
                let record = runs(team, times: 200)
                #expect(
                    record.runs.withLock { $0 }
                        == Dictionary(uniqueKeysWithValues: (0..<threads).map { ($0, 200) }))
                #expect(record.sizes.withLock { $0 } == [threads])
                // Long enough for the workers to fall asleep: they must wake up again.
                if round < 3 { usleep(20_000) }
            }
        }

        @Test func fewerThanOneThreadIsOne() throws {
            let team = try #require(renorm_team_create(0, nil, nil, nil))
            #expect(renorm_team_threads(team) == 1)
            renorm_team_destroy(team)
        }

        #if os(Linux)
            @Test func joinsTheThreadsOfOpenMP() throws {
                guard let library = dlopen("libgomp.so.1", RTLD_NOW) else { return }
                let parallel = try #require(dlsym(library, "GOMP_parallel"))
                let number = try #require(dlsym(library, "omp_get_thread_num"))
                let count = try #require(dlsym(library, "omp_get_num_threads"))
                let team = try #require(renorm_team_create(2, parallel, number, count))
                defer { renorm_team_destroy(team) }
                let record = runs(team, times: 100)
                #expect(record.runs.withLock { $0 } == [0: 100, 1: 100])
                #expect(record.sizes.withLock { $0 } == [2])

                // The same work as on a pool of our own, to the bit.
                let extent = renorm_extent(rows: 10_000, channels: 17, groups: 1, type: .f32)
                let x = Numbers.make(21, 170_000)
                func moments(_ team: OpaquePointer) -> [Float] {
                    var mean = [Float](repeating: .nan, count: 17), variance = mean
                    withScratch(renorm_normalization_scratch(extent, 2)) {
                        renorm_moments(team, extent, x, &mean, &variance, $0)
                    }
                    return mean + variance
                }
                let own = try #require(renorm_team_create(2, nil, nil, nil))
                defer { renorm_team_destroy(own) }
                #expect(moments(team) == moments(own))
            }
        #endif

        @Test func instructionSetsAreNamed() {
            #expect(
                ["avx512", "avx2", "sse2", "neon", "baseline"].contains(
                    String(cString: renorm_instructions_name())))
            #expect(Team(threads: 1, instructions: .baseline) != nil)
            #expect(Team(threads: 1, instructions: renorm_instructions_current()) != nil)
        }
    }
}
