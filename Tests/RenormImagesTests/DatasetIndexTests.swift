import RenormImages
import Testing

@Suite struct DatasetIndexTests {
    private func index(_ count: Int, name: String = "numbers") throws -> DatasetIndex {
        try DatasetIndex(
            name: name, labels: (0..<Int32(count)).map { $0 }, classNames: (0..<count).map(String.init))
    }

    /// What earlier versions held out, of which saved runs know the number alone.
    @Test(
        arguments: [
            (0, [8, 11, 12, 17, 19]), (1, [0, 8, 11, 12, 18]), (7, [0, 4, 5, 8, 11]),
        ] as [(UInt64, [Int32])])
    func aSeedHoldsOutTheExamplesThatItAlwaysDid(seed: UInt64, labels: [Int32]) throws {
        let (training, validation) = try index(20).split(validation: 5, seed: seed)
        #expect(validation.labels == labels)
        #expect(training.labels == (0..<20).filter { !labels.contains($0) })
        #expect(validation.name == "numbers, validation")
    }

    @Test func aSubsetOfASubsetFindsItsImages() throws {
        let subset = try index(20).subset([3, 9, 9, 1]).subset([2, 0], name: "two")
        #expect(subset.name == "two" && subset.count == 2)
        #expect((0..<2).map(subset.image) == [9, 3])
        #expect(subset.labels == [9, 3])
    }

    @Test func aLabelWithoutAClassIsNamed() {
        #expect(
            throws: ImagesError.labelOutOfRange(path: "labels.csv", label: 5, index: 1, classes: 2, offset: 3)
        ) {
            try DatasetIndex(
                name: "a", labels: [1, 2], classNames: ["x", "y"], labelOffset: 3, labelsPath: "labels.csv")
        }
    }
}
