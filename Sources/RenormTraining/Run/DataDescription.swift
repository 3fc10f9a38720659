import RenormArrays
import RenormImages
import RenormLayers

/// What a run is trained on.
public struct DataDescription: Sendable, Hashable, Codable {
    /// The dataset's name.
    public var name: String
    /// What the classes are called.
    public var classNames: [String]
    /// The shape of one image: `[H, W, C]`.
    public var image: TensorShape
    /// How images are brought to that shape; `nil` in files of earlier versions, whose images had it or were squashed into it.
    public var framing: Framing?
    /// Examples trained on.
    public var training: Int
    /// Examples held out.
    public var validation: Int
    /// Examples of the test set; 0 without one.
    public var test: Int
    /// A number that another training set would almost surely not have.
    public var fingerprint: String
    /// The same of the test set; `nil` without one, and in files of earlier versions.
    public var testFingerprint: String?
    /// The same of the validation set, where it is not held out of the training set.
    public var validationFingerprint: String?
    /// The label that the first class has in files of labels, if that is not 0.
    public var labelOffset: Int?

    init(whole: Dataset, training: Int, validation: Int, ownValidation: Dataset?, test: Dataset?) {
        name = whole.name
        classNames = whole.classNames
        image = [whole.height, whole.width, whole.channels]
        framing = whole.framing
        self.training = training
        self.validation = validation
        self.test = test?.count ?? 0
        fingerprint = whole.fingerprintText
        testFingerprint = test?.fingerprintText
        validationFingerprint = ownValidation?.fingerprintText
        labelOffset = whole.labelOffset == 0 ? nil : whole.labelOffset
    }

    /// Whether a test set is the one that the run was measured on; `nil` if nothing is known of that.
    package func isTest(_ dataset: Dataset) -> Bool? {
        if let testFingerprint { return dataset.fingerprintText == testFingerprint }
        // Files of earlier versions know the number of images alone, which can say no, but not yes.
        return test > 0 && test != dataset.count ? false : nil
    }

    /// Reads what was encoded.
    ///
    /// - Throws: `DecodingError` also for what no data are.
    public init(from decoder: any Decoder) throws {
        let container = try decoder.container(keyedBy: CodingKeys.self)
        name = try container.value(.name)
        classNames = try container.value(.classNames)
        image = try container.value(.image)
        framing = try container.optional(.framing)
        training = try container.value(.training)
        validation = try container.value(.validation)
        test = try container.value(.test)
        fingerprint = try container.value(.fingerprint)
        testFingerprint = try container.optional(.testFingerprint)
        validationFingerprint = try container.optional(.validationFingerprint)
        labelOffset = try container.optional(.labelOffset)
        try requireNoFault(decoder)
    }

    /// How images are brought to the shape that the network takes.
    package var framingOfImages: Framing {
        framing
            ?? Framing(size: ImageSize(height: image[0], width: image[1], channels: image[2]), fit: .squash)
    }

    /// What must be the same for a run to go on: not where the data came from, nor what comes after training.
    var forResuming: DataDescription {
        var result = self
        result.name = ""
        result.test = 0
        result.testFingerprint = nil
        result.framing = framingOfImages
        return result
    }
}

extension DataDescription: Checkable {
    /// What is wrong with the numbers.
    package var fault: Fault? {
        func count(_ name: String, _ found: Int) -> Fault? {
            let most = TrainingLimits.examples
            return Fault(of: name, "\(found)", "0 to \(most)", unless: (0...most).contains(found))
        }
        return .first(
            Fault(of: "classes", "none", "at least one", unless: !classNames.isEmpty),
            Architecture.fault(ofImage: image),
            framing.flatMap {
                Fault(
                    of: "framing", "images of \($0.size)", "those of \(image)",
                    unless: $0.size.extents == image.dimensions)
            }, count("examples trained on", training),
            count("examples held out", validation), count("test examples", test))
    }
}

extension Dataset {
    /// The fingerprint as records hold it.
    package var fingerprintText: String { String(fingerprint, radix: 16) }
}
