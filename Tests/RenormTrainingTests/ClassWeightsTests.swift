import Foundation
import Renorm
import Testing

@Suite struct ClassWeightsTests {
    /// 12, 3 and 1 examples of three classes, none of a fourth.
    private static func index() throws -> DatasetIndex {
        try DatasetIndex(
            name: "uneven", labels: (0..<16).map { $0 < 12 ? 0 : $0 < 15 ? 1 : 2 },
            classNames: ["a", "b", "c, rare", "none"])
    }

    private func write(_ text: String) throws -> (TemporaryFolder, URL) {
        let folder = try TemporaryFolder()
        let file = folder.appending("weights")
        try text.write(to: file, atomically: true, encoding: .utf8)
        return (folder, file)
    }

    @Test func balancedClassesCountTheSameInAll() throws {
        let index = try Self.index()
        let weights = try #require(try ClassWeights.balanced.values(for: index))
        for (weight, count) in zip(weights, index.classCounts) {
            #expect(abs(Double(weight) * Double(count) - (count > 0 ? 16.0 / 3 : 0)) < 1e-6)
        }
        #expect(try ClassWeights.none.values(for: index) == nil)
    }

    /// NumPy: sklearn.utils.class_weight.compute_class_weight("balanced", classes=[0, 1, 2], y=[0] * 12 + [1] * 3 + [2]).
    @Test func balancedWeightsAreScikitLearns() throws {
        let index = try DatasetIndex(
            name: "uneven", labels: try Self.index().labels, classNames: ["a", "b", "c"])
        #expect(
            try ClassWeights.balanced.values(for: index) == [
                0.4444444444444444, 1.7777777777777777, 5.333333333333333,
            ])
    }

    @Test(arguments: [
        "class,weight\na, 1\nb,2\n\"c, rare\",4\n\nnone,0\n", "a,1\r\nb,2e0\r\nc, rare,4\r\nnone,0",
        #" {"a": 1, "b": 2, "c, rare": 4, "none": 0}"#,
    ])
    func weightsOfAFileHaveAMeanOfOne(text: String) throws {
        let (folder, file) = try write(text)
        let read = try ClassWeights(reading: file)
        #expect(read == .given(["a": 1, "b": 2, "c, rare": 4, "none": 0]))
        #expect(try JSONCoder.decode(ClassWeights.self, from: JSONCoder.encode(read)) == read)
        // 12 · 1 + 3 · 2 + 4 are 22 in 16 examples.
        let expected: [Double] = [16.0 / 22, 32.0 / 22, 64.0 / 22, 0]
        let found = try #require(try read.values(for: Self.index()))
        #expect(found == expected.map { Float($0) })
        withExtendedLifetime(folder) {}
    }

    @Test(arguments: [
        ("", "found no weights"), ("a,1\nb\n", "line 2: 'b'"),
        ("a,1\nb,x\n", "line 2: the weight 'x' of 'b'"),
        ("a,1\nb,-2\n", "line 2: the weight -2.0 of 'b'; expected a finite number, at least 0"),
        ("a,1\nb,nan\n", "line 2: the weight nan of 'b'"), ("a,1\n a ,1\n", "line 2: another weight of 'a'"),
        (#"{"a": "x"}"#, "a: "), (#"{"a": 1"#, "JSON"),
        (#"{"a": -1}"#, "weight of the class 'a': found -1.0; expected a finite number, at least 0"),
    ])
    func whatIsWrongInAFileIsNamed(text: String, message: String) throws {
        let (folder, file) = try write(text)
        let error = try #require(throws: TrainingError.self) { try ClassWeights(reading: file) }
        #expect("\(error)".contains(message) && "\(error)".contains(file.path), "\(error)")
        withExtendedLifetime(folder) {}
    }

    @Test(arguments: [
        (["a": 1, "b": 1, "c, rare": 1], "no weight of the class 'none' of uneven"),
        (
            ["a": 1, "b": 1, "c, rare": 1, "none": 1, "z": 1],
            "a weight of a class 'z', which uneven does not have"
        ),
        (["a": 0, "b": 0, "c, rare": 0, "none": 1], "the sum 0.0 over the examples trained on"),
    ])
    func weightsOfOtherClassesAreRefused(weights: [String: Double], message: String) throws {
        let error = try #require(throws: TrainingError.self) {
            try ClassWeights.given(weights).values(for: Self.index())
        }
        #expect("\(error)".contains(message), "\(error)")
    }

    @Test func batchesHaveTheWeightsOfTheirClasses() throws {
        let dataset = try TinyData.dataset(40)
        let loader = try BatchLoader(
            dataset: dataset, scaling: InputScaling(of: dataset),
            classWeights: [0.25, 1, 3],
            sampler: BatchSampler(.shuffled, dataset: dataset, batchSize: 8, seed: 1), to: 4, parts: 2)
        var batches = 0
        while let batch = try loader.next() {
            let expected = batch.labels.values(of: Int32.self).map { [0.25, 1, 3][Int($0)] }
            #expect(try #require(batch.weights).doubles == expected)
            batches += 1
        }
        #expect(batches == 8)
    }
}
