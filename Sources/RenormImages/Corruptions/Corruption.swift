import RenormArrays

/// A way in which images are worse than those that a network was trained on: noise, blur, weather, light, places.
///
/// The recipes are those of MNIST-C (Mu & Gilmer 2019, "MNIST-C: A robustness benchmark for computer vision"), which took most of them
/// from ImageNet-C (Hendrycks & Dietterich 2019, "Benchmarking neural network robustness to common corruptions and perturbations"), with
/// MNIST-C's constants for severities 1 to 5; what differs is said at each. Draws are ours, so images are alike but not the same ones.
/// In three things all differ: lengths in pixels are for images of 28×28 and grow with the short side (`ImageValues.length`),
/// so images of any size and of any number of channels have corruptions; results are rounded to the nearest byte, where the published
/// files cut off; and severities share their draws, so that a severer image is the same one further on.
///
///     let foggy = test.corrupted(by: .fog, severity: 5, seed: 1)
///     let chosen = try AppliedCorruption(parsing: "fog:5")
///
/// A corruption of your own is added to `Corruptions.table`.
public struct Corruption: Sendable {
    /// What a corruption is there for.
    public enum Purpose: String, Sendable, Hashable, CaseIterable {
        /// Constants of methods may be chosen on it.
        case development
        /// Methods are tested on it, and nothing is chosen.
        case test
    }

    /// Changes an image.
    ///
    /// - Parameters:
    ///   - severity: 1 to 5.
    ///   - random: Draws that differ from image to image.
    public typealias Change =
        @Sendable (
            _ image: inout ImageValues, _ severity: Int, _ random: inout Random
        ) -> Void

    /// The name by which it is asked for, such as `motion-blur`.
    public let name: String
    /// What it is there for.
    public let purpose: Purpose
    /// What it does, in a few words.
    public let summary: String
    private let change: Change

    /// Describes a corruption.
    public init(_ name: String, _ purpose: Purpose, _ summary: String, change: @escaping Change) {
        self.name = name
        self.purpose = purpose
        self.summary = summary
        self.change = change
    }

    /// The severities.
    public static let severities = 1...5

    /// Changes the image with a number: the same way for the same seed, number and severity.
    public func apply(to image: inout ImageValues, number: Int, severity: Int, seed: UInt64) {
        precondition(Corruption.severities.contains(severity), "a severity of \(severity)")
        var random = Random(seed: seed, stream: "corruption.\(name)", counter: number)
        change(&image, severity, &random)
    }
}

/// The corruptions that can be asked for by name.
public enum Corruptions {
    /// The table; a name may have a severity after a colon.
    public static let table: Registry<Corruption> = {
        let table = Registry<Corruption>(of: "corruption")
        for corruption in [
            Corruption.gaussianNoise, .shotNoise, .impulseNoise, .speckleNoise, .gaussianBlur, .glassBlur,
            .defocusBlur, .motionBlur, .zoomBlur, .fog, .spatter, .brightness, .contrast, .gamma, .dim,
            .inversion, .pixelation, .rotation, .shear, .scale, .translation, .occlusion, .stripe,
        ] {
            table.register(corruption.name, argument: .optional("SEVERITY"), corruption)
        }
        return table
    }()

    /// All of a purpose, in the order of the table.
    public static func all(_ purpose: Corruption.Purpose) -> [Corruption] {
        table.names.compactMap { table[$0] }.filter { $0.purpose == purpose }
    }
}

/// A corruption and how severe it is, by text: `fog:5`, or `fog` for the severest.
public struct AppliedCorruption: TextForm {
    /// The corruption.
    public var corruption: Corruption
    /// 1 to 5.
    public var severity: Int

    /// A corruption of a severity.
    public init(_ corruption: Corruption, severity: Int) {
        precondition(Corruption.severities.contains(severity), "a severity of \(severity)")
        self.corruption = corruption
        self.severity = severity
    }

    /// Reads `NAME` or `NAME:SEVERITY`.
    ///
    /// - Throws: `Fault` for a name that no corruption has, or another severity than 1 to 5.
    public init(parsing text: String) throws {
        guard let (corruption, argument) = Corruptions.table.find(text) else {
            throw Corruptions.table.fault(of: text)
        }
        let severity = argument.map { Int($0) ?? 0 } ?? Corruption.severities.upperBound
        guard Corruption.severities.contains(severity) else {
            throw Fault(of: "severity of \(corruption.name)", "'\(argument ?? "")'", "1 to 5")
        }
        self.init(corruption, severity: severity)
    }

    /// `fog:5`.
    public var description: String { "\(corruption.name):\(severity)" }

    /// A name and a severity.
    public static var expected: String { "NAME:SEVERITY, such as fog:5" }
}
