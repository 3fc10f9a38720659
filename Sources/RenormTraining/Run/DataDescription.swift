/// What a run is trained on.
public struct DataDescription: Sendable, Hashable, Codable {
    /// The dataset's name.
    public var name: String
    /// What the classes are called.
    public var classNames: [String]
    /// The shape of one image: `[H, W, C]`.
    public var image: TensorShape
    /// Examples trained on.
    public var training: Int
    /// Examples held out.
    public var validation: Int
    /// Examples of the test set; 0 without one.
    public var test: Int
    /// A number that another training set would almost surely not have.
    public var fingerprint: String

    init(whole: Dataset, training: Int, validation: Int, test: Int) {
        name = whole.name
        classNames = whole.classNames
        image = [whole.height, whole.width, whole.channels]
        self.training = training
        self.validation = validation
        self.test = test
        fingerprint = String(whole.fingerprint, radix: 16)
    }

    /// Reads what was encoded.
    ///
    /// - Throws: `DecodingError` also for what no data are.
    public init(from decoder: any Decoder) throws {
        let container = try decoder.container(keyedBy: CodingKeys.self)
        name = try container.value(.name)
        classNames = try container.value(.classNames)
        image = try container.value(.image)
        training = try container.value(.training)
        validation = try container.value(.validation)
        test = try container.value(.test)
        fingerprint = try container.value(.fingerprint)
        try requireNoFault(decoder)
    }

    /// What must be the same for a run to go on: not where the data came from, nor what comes after training.
    var forResuming: DataDescription {
        var result = self
        result.name = ""
        result.test = 0
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
            Architecture.fault(ofImage: image), count("examples trained on", training),
            count("examples held out", validation), count("test examples", test))
    }
}

extension Dataset {
    /// A hash of all images and labels: FNV-1a over words of 64 bits, which takes milliseconds for 47 MB.
    var fingerprint: UInt64 {
        var hash: UInt64 = 0xcbf2_9ce4_8422_2325
        func add(_ word: UInt64) { hash = (hash ^ word) &* 0x100_0000_01b3 }
        images.withUnsafeBytes { bytes in
            let words = bytes.count / 8
            for index in 0..<words {
                add(UInt64(littleEndian: bytes.loadUnaligned(fromByteOffset: index * 8, as: UInt64.self)))
            }
            for index in words * 8..<bytes.count { add(UInt64(bytes[index])) }
        }
        for label in labels { add(UInt64(bitPattern: Int64(label))) }
        return hash
    }
}
