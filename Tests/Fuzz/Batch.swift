import Foundation
import Renorm

/// Cases of one reader, one after another, in this process, which they may end.
struct Batch {
    let options: Options

    /// What a batch tells the process that started it: a byte for each case that is over.
    enum Outcome: UInt8 {
        case accepted = 0x2B
        case refused = 0x2D
    }

    init(_ options: Options) { self.options = options }

    static func progress(in work: URL) -> URL { work.appendingPathComponent("progress") }
    static func files(in work: URL) -> URL { work.appendingPathComponent("case") }

    func run() async throws {
        let (reader, seeds) = (options.chosen[0], Seeds(folder: options.seeds!))
        let progress = try FileHandle(forWritingTo: Batch.progress(in: options.work))
        let folder = Batch.files(in: options.work)
        for index in options.first..<options.cases(of: reader).upperBound {
            try? FileManager.default.removeItem(at: folder)
            try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
            var random = Random(seed: options.seed, stream: reader.name, counter: index)
            try reader.write(&random, from: seeds, to: folder)
            limitTime()
            var outcome = Outcome.accepted
            do {
                try await reader.read(folder)
            } catch {
                outcome = .refused
                // A message is made of what was found, and may fail at it.
                _ = "\(error)"
                if options.only != nil { print("refused: \(error)") }
            }
            try progress.write(contentsOf: [outcome.rawValue])
        }
    }

    /// Ends the process if a case takes more processor time than it may, or stands still.
    private func limitTime() {
        var timer = itimerval()
        timer.it_value.tv_sec = options.seconds
        #if canImport(Glibc)
            setitimer(__itimer_which_t(ITIMER_PROF.rawValue), &timer, nil)
        #else
            setitimer(ITIMER_PROF, &timer, nil)
        #endif
        alarm(UInt32(10 * options.seconds))
    }
}
