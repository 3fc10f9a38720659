/// What a data source gives: examples to train on and, where it has them, others to choose and to measure by.
public struct DataParts: Sendable {
    /// What a network is trained on.
    public var training: Dataset
    /// What the best state is chosen by; `nil` where the source has none, so that some are held out of the training examples.
    public var validation: Dataset?
    /// What a finished network is measured on; `nil` where the source has none.
    public var test: Dataset?

    /// The lists of the pictures that they are of, where they are of lists.
    public var pictures: [PictureList] = []

    /// Examples in parts.
    ///
    /// - Throws: `ImagesError.sizesDiffer` if their images are not of one size.
    public init(training: Dataset, validation: Dataset? = nil, test: Dataset? = nil) throws {
        for (other, part) in [(validation, Dataset.Part.validation), (test, .test)] {
            guard let other, other.size != training.size else { continue }
            throw ImagesError.sizesDiffer(
                training: training.size.extents, other: other.size.extents, part: part.rawValue)
        }
        self.training = training
        self.validation = validation
        self.test = test
    }

    /// Several sources, joined part by part.
    ///
    /// - Throws: `ImagesError.partsDiffer` if one has a part that another lacks; `.sourcesDiffer`.
    init(joining all: [DataParts]) throws {
        func joined(_ part: Dataset.Part, _ datasets: [Dataset?]) throws -> Dataset? {
            let found = datasets.compactMap { $0 }
            if found.isEmpty { return nil }
            guard found.count == all.count else {
                throw ImagesError.partsDiffer(
                    part: part.rawValue, with: found[0].name,
                    without: all[datasets.firstIndex { $0 == nil }!].training.name)
            }
            return found.count == 1 ? found[0] : try Dataset(joining: found)
        }
        try self.init(
            training: joined(.training, all.map(\.training))!,
            validation: joined(.validation, all.map(\.validation)), test: joined(.test, all.map(\.test)))
        pictures = all.flatMap(\.pictures)
    }

    /// A part, if it is there.
    public subscript(part: Dataset.Part) -> Dataset? {
        switch part {
        case .training: training
        case .validation: validation
        case .test: test
        }
    }
}
