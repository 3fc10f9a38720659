import Foundation
import Renorm

/// Streams of corrupted images under each method: a line of a CSV file for each finished cell.
///
///     NeverHurts --measure stats.safetensors --model RUN/model.safetensors --data fashion-mnist
///     NeverHurts --model RUN/model.safetensors --data fashion-mnist --source stats.safetensors --output cells.csv
///
/// Cells that the file has already are left out, so it can be stopped at any time.
@main struct NeverHurts {
    static func main() throws {
        do {
            let arguments = try Arguments(Array(CommandLine.arguments.dropFirst()))
            if arguments.values["measure"] != nil {
                try measure(arguments)
            } else {
                try Grid(arguments).run()
            }
        } catch {
            FileHandle.standardError.write(Data("\(error)\n".utf8))
            exit(1)
        }
    }

    /// Measures statistics of the source on training images, and calibrates them on others.
    static func measure(_ arguments: Arguments) throws {
        let engine = try OneDNNEngine(threads: arguments.number("threads", 1))
        let trained = try TrainedModel(reading: URL(fileURLWithPath: arguments.text("model")))
        let data = try DataSource(parsing: arguments.text("data")).load()
        let training = data.training
        let count = min(try arguments.number("images", 4000), training.count / 2)
        var random = Random(seed: 1, stream: "never-hurts.source")
        let order = random.permutation(training.count)
        let source = training.subset(Array(order[..<count]))
        let start = Date()
        var statistics = try SourceStatistics.measure(
            trained.model, on: ImageBatches(source, scaling: trained.scaling), labels: source.labels,
            rank: arguments.values["rank"] == nil ? nil : try arguments.number("rank", 256), engine: engine)
        print("measured on \(count) images: \(Int(Date().timeIntervalSince(start) * 1000)) ms")
        let some = source.subset(Array(0..<min(try arguments.number("sensitivity", 200), count)))
        let images = trained.scaling(try some.readImages())
        let changed = trained.scaling(
            try some.corrupted(by: .gaussianBlur, severity: 1, seed: 3).readImages())
        statistics = try statistics.measuringSensitivity(
            of: trained.model, images: images, corrupted: changed, labels: some.labels, engine: engine)
        let heldOut = training.subset(Array(order[count..<min(2 * count, training.count)]))
        let held = trained.scaling(try heldOut.readImages())
        let method = try StreamMethods.method(parsing: arguments.text("method", "bayes"))
        if let bayes = method as? BayesianShift {
            let (calibrated, harms) = try statistics.calibrated(
                trained.model, on: held, labels: heldOut.labels, method: bayes, engine: engine)
            statistics = calibrated
            for harm in harms { print("limit \(harm.limit): \(harm.images) of \(held.shape[0]) images lost") }
        }
        try statistics.arrays.write(safetensors: URL(fileURLWithPath: arguments.text("measure")))
        print("in all: \(Int(Date().timeIntervalSince(start) * 1000)) ms")
    }
}

/// The cells that are asked for.
struct Grid {
    let engine: any Engine
    let trained: TrainedModel
    let test: Dataset
    let source: SourceStatistics?
    let methods: [any StreamMethod]
    let corruptions: [AppliedCorruption?]
    let settings: [Setting]
    let batches: [Int]
    let network: String
    let seed: Int
    let output: URL
    private var done: Set<String> = []

    init(_ arguments: Arguments) throws {
        engine = try OneDNNEngine(threads: arguments.number("threads", 1))
        trained = try TrainedModel(reading: URL(fileURLWithPath: arguments.text("model")))
        network = try arguments.text("network", "network")
        seed = try arguments.number("seed", 1)
        let data = try DataSource(parsing: arguments.text("data")).load()
        // Constants are chosen on images that are neither trained on nor tested.
        guard let tested = data.test else { throw Fault("no test images", "some") }
        var random = Random(seed: UInt64(seed), stream: "never-hurts.images")
        let severity = try arguments.number("severity", 5)
        let isDevelopment = try arguments.text("corruptions", "test") == "development"
        let order = random.permutation(tested.count)
        let count = try min(arguments.number("images", 2000), tested.count / 2)
        // The halves of the test images serve either purpose.
        test = tested.subset(
            Array(isDevelopment ? order.suffix(tested.count / 2).prefix(count) : order.prefix(count)))
        source = try arguments.values["source"].map {
            try SourceStatistics(NamedArrays(reading: URL(fileURLWithPath: $0)))
        }
        methods = try arguments.list(
            "methods", StreamMethods.table.names.joined(separator: ";"), separator: ";"
        )
        .map(StreamMethods.method)
        corruptions = try arguments.list("corruptions", "test").flatMap { word -> [AppliedCorruption?] in
            if word == "clean" { return [nil] }
            if let purpose = Corruption.Purpose(rawValue: word) {
                return Corruptions.all(purpose).map { AppliedCorruption($0, severity: severity) }
            }
            return [try AppliedCorruption(parsing: word)]
        }
        settings = try arguments.list("settings", Setting.allCases.map(\.rawValue).joined(separator: ",")).map
        {
            guard let setting = Setting(rawValue: $0) else {
                throw Fault("the setting '\($0)'", Setting.allCases.map(\.rawValue).joined(separator: ", "))
            }
            return setting
        }
        batches = try arguments.list("batches", "1,2,4,8,64,200").map {
            guard let size = Int($0), size > 0 else { throw Fault("a batch of '\($0)'", "a number above 0") }
            return size
        }
        output = URL(fileURLWithPath: try arguments.text("output"))
        if let text = try? String(contentsOf: output, encoding: .utf8) {
            done = Set(
                text.split(separator: "\n").map { $0.split(separator: ",").prefix(6).joined(separator: ",") })
        } else {
            try "network,seed,setting,batch,method,corruption,images,wrong,seconds\n".write(
                to: output, atomically: true, encoding: .utf8)
        }
    }

    func run() throws {
        let file = try FileHandle(forWritingTo: output)
        try file.seekToEnd()
        let names = corruptions.map { $0?.description ?? "clean" }
        var inputs: [NDArray?] = corruptions.map { _ in nil }
        func input(_ number: Int) throws -> NDArray {
            if let known = inputs[number] { return known }
            let images = corruptions[number].map { test.corrupted(by: $0, seed: 1) } ?? test
            let scaled = trained.scaling(try images.readImages())
            inputs[number] = scaled
            return scaled
        }
        for method in methods {
            if type(of: method).needsSource, source == nil { continue }
            let adapter = try StreamAdapter(
                trained.model, source: source, method: method, engine: engine)
            for setting in settings {
                let groups = setting.joins ? [Array(names.indices)] : names.indices.map { [$0] }
                for group in groups {
                    let stream = setting.stream(
                        corruptions: group.count, labels: test.labels, classes: test.classCount,
                        seed: UInt64(seed))
                    for batch in batches {
                        func key(_ number: Int) -> String {
                            "\(network),\(seed),\(setting.rawValue),\(batch),\(method.description),\(names[number])"
                        }
                        if group.allSatisfy({ done.contains(key($0)) }) { continue }
                        let begun = Date()
                        try adapter.reset()
                        var (wrong, seen) = (
                            [Int](repeating: 0, count: group.count), [Int](repeating: 0, count: group.count)
                        )
                        for start in stride(from: 0, to: stream.count, by: batch) {
                            let part = stream[start..<min(start + batch, stream.count)]
                            let rows = try part.map { place in
                                try input(group[place.corruption]).rows(place.image..<place.image + 1)
                            }
                            for (place, row) in zip(part, try adapter.predict(NDArray(joining: rows))) {
                                seen[place.corruption] += 1
                                let answer = row.indices.max { row[$0] < row[$1] }!
                                if answer != Int(test.labels[place.image]) { wrong[place.corruption] += 1 }
                            }
                        }
                        let seconds = Date().timeIntervalSince(begun)
                        for (place, number) in group.enumerated() {
                            try file.write(
                                contentsOf: Data(
                                    "\(key(number)),\(seen[place]),\(wrong[place]),\(Int(seconds * 1000) / 1000).\(Int(seconds * 1000) % 1000)\n"
                                        .utf8))
                        }
                    }
                }
            }
        }
        try file.close()
    }
}
