import RenormArrays

/// Random changes to training pictures that leave their class as it is. Each is a function of (seed, step, position in the step), and
/// none of another: what one draws does not depend on whether another is there.
///
/// A picture is cut out and mirrored, then its colours are changed, then one operation of TrivialAugment is done, then it is scaled to the
/// network's input, of which a part is erased.
public struct Augmentation: Hashable, Sendable {
    /// Which part of a picture is taken.
    public enum Crop: Hashable, Sendable {
        /// What is taken without augmentation.
        case none
        /// The same, moved at random by up to an eighth of its sides (at least 1 pixel); what is then outside the picture is 0.
        case padded
        /// A rectangle whose share of the picture's area, and whose ratio of width to height, are in these ranges (torchvision's
        /// `RandomResizedCrop`), brought to the size of the network's input. The ratio's logarithm is uniform. Without an
        /// interpolation it is resized as pictures are otherwise.
        case resized(
            scale: ClosedRange<Double> = Augmentation.defaultScale,
            ratio: ClosedRange<Double> = Augmentation.defaultRatio, interpolation: Interpolation? = nil)
    }

    /// Random changes of colours, in random order: torchvision's `ColorJitter` on PIL images.
    public struct ColourJitter: Hashable, Sendable {
        /// By how much the factor of the brightness may differ from 1; the factor is not below 0.
        public var brightness: Double
        /// The same of the distance from the picture's mean.
        public var contrast: Double
        /// The same of the distance from gray.
        public var saturation: Double
        /// By which part of the circle of colours they may turn, 0 to 0.5.
        public var hue: Double

        /// A jitter; 0 changes nothing.
        public init(brightness: Double, contrast: Double, saturation: Double, hue: Double) {
            (self.brightness, self.contrast, self.saturation, self.hue) = (
                brightness, contrast, saturation, hue
            )
        }

        /// As much of each, and a tenth of it of the hue.
        public init(_ amount: Double) {
            self.init(brightness: amount, contrast: amount, saturation: amount, hue: amount / 10)
        }

        /// Nothing is changed.
        public static let none = ColourJitter(0)
    }

    /// A rectangle of the scaled input becomes 0: torchvision's `RandomErasing`.
    public struct Erasing: Hashable, Sendable {
        /// How probable it is, above 0.
        public var probability: Double
        /// The rectangle's share of the area.
        public var scale: ClosedRange<Double>
        /// Its ratio of height to width, whose logarithm is uniform.
        public var ratio: ClosedRange<Double>

        /// An erasing, by default of torchvision's shares and ratios.
        public init(
            probability: Double, scale: ClosedRange<Double> = 0.02...0.33,
            ratio: ClosedRange<Double> = 0.3...3.3
        ) {
            (self.probability, self.scale, self.ratio) = (probability, scale, ratio)
        }
    }

    /// Which part of a picture is taken.
    public var crop: Crop
    /// How probable it is that left and right are exchanged.
    public var flip: Double
    /// How probable it is that top and bottom are exchanged.
    public var verticalFlip: Double
    /// How colours are changed.
    public var jitter: ColourJitter
    /// Whether one operation of TrivialAugment (Müller and Hutter 2021) is done: torchvision's `TrivialAugmentWide` on PIL images.
    public var isTrivial: Bool
    /// What is erased; `nil` for nothing.
    public var erasing: Erasing?

    /// An augmentation, by default none.
    public init(
        crop: Crop = .none, flip: Double = 0, verticalFlip: Double = 0, jitter: ColourJitter = .none,
        isTrivial: Bool = false, erasing: Erasing? = nil
    ) {
        self.crop = crop
        self.flip = flip
        self.verticalFlip = verticalFlip
        self.jitter = jitter
        self.isTrivial = isTrivial
        self.erasing = erasing
        if let fault { preconditionFailure("augmentation: \(fault)") }
    }

    /// Pictures as they are.
    public static let none = Augmentation()

    /// For small pictures: padded by an eighth of the side (at least 1) with pixels of 0 and cropped back at a random place, then
    /// mirrored left to right half of the time.
    public static let standard = Augmentation(crop: .padded, flip: 0.5)

    /// For photographs: resized crops, mirrored half of the time, of slightly changed colours.
    ///
    /// A crop is at least a quarter of the picture. torchvision's 0.08 is made for a million pictures seen a hundred times; of some
    /// thousand of one's own, a twelfth of a picture often shows nothing of its class.
    public static let photo = Augmentation(
        crop: .resized(scale: 0.25...1), flip: 0.5, jitter: ColourJitter(0.2))

    /// torchvision's ratios of resized crops: 3/4 to 4/3.
    public static let defaultRatio = 3.0 / 4...4.0 / 3
    /// torchvision's shares of resized crops.
    public static let defaultScale = 0.08...1.0
}

extension Augmentation: Checkable {
    /// What is wrong with the numbers.
    package var fault: Fault? {
        var ranges: [(name: String, range: ClosedRange<Double>, largest: Double)] = []
        if case .resized(let scale, let ratio, _) = crop {
            ranges += [("scale", scale, 1), ("ratio", ratio, 100)]
        }
        if let erasing {
            ranges += [("erasing scale", erasing.scale, 1), ("erasing ratio", erasing.ratio, 100)]
            guard erasing.probability > 0, erasing.probability <= 1 else {
                return Fault(of: "probability of erasing", "\(erasing.probability)", "above 0, at most 1")
            }
        }
        for (name, range, largest) in ranges where !(range.lowerBound > 0 && range.upperBound <= largest) {
            return Fault(
                of: name, "\(range.lowerBound) to \(range.upperBound)",
                "numbers above 0, at most \(Int(largest))")
        }
        let numbers = [
            ("flip", flip, 1), ("vertical flip", verticalFlip, 1),
            ("brightness", jitter.brightness, 10),
            ("contrast", jitter.contrast, 10), ("saturation", jitter.saturation, 10),
            ("hue", jitter.hue, 0.5),
        ]
        for (name, value, largest) in numbers where !(value >= 0 && value <= largest) {
            return Fault(of: name, "\(value)", "0 to \(largest.short)")
        }
        return nil
    }
}

extension Double {
    /// Without a fraction where it has none.
    var short: String { self == rounded() && magnitude < 1e9 ? "\(Int(self))" : "\(self)" }
}
