import RenormArrays

extension Augmentation: TextCoded {
    /// Reads a preset with options after it, in any order: `photo jitter=0.4 erasing=0.25 flip=0 scale=0.35..1`.
    ///
    /// - `crop`: `resized`, `padded` or `none`; of resized crops `scale` and `ratio`, as 0.35..1, and `interpolation`
    /// - `flip`, `vflip`: probabilities
    /// - `jitter`: how much brightness, contrast and saturation change, and the hue a tenth of it; or all four as 0.4/0.4/0.2/0.05
    /// - `trivial`: `true` or `false`
    /// - `erasing`: a probability; `erasing-scale` and `erasing-ratio`, as 0.02..0.33
    ///
    /// - Throws: `ImagesError.unknownChoice` for another preset, `ImagesError.augmentationText` for anything else.
    public init(parsing text: String) throws {
        let words = text.split(separator: " ").map(String.init)
        guard let first = words.first, let preset = Augmentation.presets.first(where: { $0.name == first })
        else {
            throw ImagesError.unknownChoice(
                option: "augmentation", found: words.first ?? text,
                choices: Augmentation.presets.map(\.name))
        }
        self = preset.value
        var options = AugmentationOptions(text: text)
        for word in words.dropFirst() { try options.add(word) }
        if let name = try options.take(
            "crop", { ["resized", "padded", "none"].contains($0) ? $0 : nil },
            "resized, padded or none")
        {
            switch (name, crop) {
            case ("resized", .resized): break
            case ("resized", _): crop = .resized()
            default: crop = name == "padded" ? .padded : .none
            }
        }
        if case .resized(let scale, let ratio, _) = crop {
            crop = .resized(
                scale: try options.range("scale") ?? scale, ratio: try options.range("ratio") ?? ratio,
                interpolation: try options.take(
                    "interpolation", Interpolation.init(rawValue:),
                    Interpolation.allCases.map(\.rawValue).joined(separator: ", ")))
        }
        flip = try options.number("flip") ?? flip
        verticalFlip = try options.number("vflip") ?? verticalFlip
        jitter =
            try options.take(
                "jitter", ColourJitter.init(text:), "a number such as 0.4, or four as 0.4/0.4/0.2/0.05")
            ?? jitter
        isTrivial = try options.take("trivial", Bool.init, "true or false") ?? isTrivial
        if let probability = try options.number("erasing"), probability != 0 {
            var erasing = Erasing(probability: probability)
            erasing.scale = try options.range("erasing-scale") ?? erasing.scale
            erasing.ratio = try options.range("erasing-ratio") ?? erasing.ratio
            self.erasing = erasing
        }
        try options.finish()
        if let fault { throw options.failure(fault.name + " " + fault.found, fault.expected) }
    }

    /// The text forms, for help.
    public static let names =
        "none, standard or photo, with options such as photo jitter=0.4 flip=0 scale=0.35..1 erasing=0.25 trivial=true"

    /// The presets.
    private static let presets: [(name: String, value: Augmentation)] = [
        ("none", .none), ("standard", .standard), ("photo", .photo),
    ]

    /// The text form, which `init(parsing:)` reads: the preset from which the fewest options lead here.
    public var description: String {
        Augmentation.presets.reversed().map { ([$0.name] + differences(from: $0.value)) }
            .min { $0.count < $1.count }!.joined(separator: " ")
    }

    /// The options that make this of another.
    private func differences(from other: Augmentation) -> [String] {
        var options: [String] = []
        func add(_ name: String, _ value: String, unless isSame: Bool) {
            if !isSame { options.append("\(name)=\(value)") }
        }
        switch crop {
        case .none: add("crop", "none", unless: other.crop == .none)
        case .padded: add("crop", "padded", unless: other.crop == .padded)
        case .resized(let scale, let ratio, let interpolation):
            var (oldScale, oldRatio) = (Augmentation.defaultScale, Augmentation.defaultRatio)
            if case .resized(let scale, let ratio, _) = other.crop {
                (oldScale, oldRatio) = (scale, ratio)
            } else {
                options.append("crop=resized")
            }
            add("scale", scale.text, unless: scale == oldScale)
            add("ratio", ratio.text, unless: ratio == oldRatio)
            if let interpolation { options.append("interpolation=\(interpolation.rawValue)") }
        }
        add("flip", flip.short, unless: flip == other.flip)
        add("vflip", verticalFlip.short, unless: verticalFlip == other.verticalFlip)
        add("jitter", jitter.text, unless: jitter == other.jitter)
        add("trivial", "\(isTrivial)", unless: isTrivial == other.isTrivial)
        if let erasing {
            let usual = Erasing(probability: erasing.probability)
            options.append("erasing=\(erasing.probability.short)")
            add("erasing-scale", erasing.scale.text, unless: erasing.scale == usual.scale)
            add("erasing-ratio", erasing.ratio.text, unless: erasing.ratio == usual.ratio)
        }
        return options
    }

    /// What messages call it.
    public static let kind = "augmentation"
}

extension Augmentation.ColourJitter {
    /// Reads one number, or four with slashes between them.
    fileprivate init?(text: String) {
        let numbers = text.split(separator: "/", omittingEmptySubsequences: false).map { Double($0) ?? .nan }
        guard numbers.allSatisfy(\.isFinite), numbers.count == 1 || numbers.count == 4 else { return nil }
        if numbers.count == 1 {
            self.init(numbers[0])
        } else {
            self.init(
                brightness: numbers[0], contrast: numbers[1], saturation: numbers[2], hue: numbers[3])
        }
    }

    fileprivate var text: String {
        self == Self(brightness)
            ? brightness.short : [brightness, contrast, saturation, hue].map(\.short).joined(separator: "/")
    }
}

extension ClosedRange<Double> {
    fileprivate var text: String { "\(lowerBound.short)..\(upperBound.short)" }
}

/// Options of an augmentation's text that are taken one after another.
private struct AugmentationOptions {
    let text: String
    private var values: [String: String] = [:]

    init(text: String) { self.text = text }

    func failure(_ found: String, _ expected: String) -> ImagesError {
        .augmentationText(text: text, found: found, expected: expected)
    }

    mutating func add(_ word: String) throws {
        let pair = word.split(separator: "=", maxSplits: 1).map(String.init)
        guard pair.count == 2 else { throw failure("'\(word)'", "options such as flip=0.5") }
        guard values.updateValue(pair[1], forKey: pair[0]) == nil else {
            throw failure("\(pair[0]) twice", "it once")
        }
    }

    /// Takes an option; `nil` where it is not there.
    mutating func take<Value>(
        _ name: String, _ read: (String) -> Value?, _ expected: String
    ) throws -> Value? {
        guard let text = values.removeValue(forKey: name) else { return nil }
        guard let value = read(text) else { throw failure("'\(name)=\(text)'", "\(name)=\(expected)") }
        return value
    }

    mutating func number(_ name: String) throws -> Double? {
        try take(name, { Double($0).flatMap { $0.isFinite ? $0 : nil } }, "a number such as 0.5")
    }

    mutating func range(_ name: String) throws -> ClosedRange<Double>? {
        try take(
            name,
            { text in
                guard let dots = text.firstRange(of: "..") else { return nil }
                let (low, high) = (Double(text[..<dots.lowerBound]), Double(text[dots.upperBound...]))
                guard let low, let high, low <= high, (high - low).isFinite else { return nil }
                return low...high
            }, "two numbers such as 0.35..1")
    }

    /// Throws if there are options that nobody took.
    func finish() throws {
        guard let (name, value) = values.min(by: { $0.key < $1.key }) else { return }
        switch name {
        case "scale", "ratio", "interpolation":
            throw failure("'\(name)=\(value)'", "it with resized crops alone (crop=resized)")
        case "erasing-scale", "erasing-ratio":
            throw failure("'\(name)=\(value)'", "it with erasing alone (erasing=0.25)")
        default: break
        }
        throw failure(
            "'\(name)=\(value)'",
            "crop, scale, ratio, interpolation, flip, vflip, jitter, trivial, erasing, erasing-scale and erasing-ratio, each with its value"
        )
    }
}
