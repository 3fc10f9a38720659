import Foundation
import Renorm

extension Interpolation: TextForm {}
extension DecodingOptions.Background: TextForm {}

extension Fit: TextForm {
    /// What can be read.
    public static var expected: String { names }
}

extension PictureOptions.Size: TextForm, CustomStringConvertible {
    /// Reads `SIDE` or `HEIGHTxWIDTH`.
    public init(parsing text: String) throws {
        let sides = text.split(separator: "x", omittingEmptySubsequences: false).map { Int($0) ?? 0 }
        guard (1...2).contains(sides.count),
            sides.allSatisfy({ (1...PictureOptions.Size.longestSide).contains($0) })
        else { throw Fault("'\(text)'", PictureOptions.Size.expected) }
        self.init(height: sides[0], width: sides.last!)
    }

    /// The text form.
    public var description: String { height == width ? "\(height)" : "\(height)x\(width)" }

    /// What can be read.
    public static var expected: String { "SIDE or HEIGHTxWIDTH, such as 224" }

    private static let longestSide = 4096
}

extension PictureTableColumns: TextForm, CustomStringConvertible {
    /// Reads `path=NAME,label=NAME,split=NAME,source=NAME`, of which some may be missing.
    public init(parsing text: String) throws {
        self.init()
        for part in text.split(separator: ",", omittingEmptySubsequences: false) {
            let words = part.split(separator: "=", maxSplits: 1).map {
                $0.trimmingCharacters(in: .whitespaces)
            }
            guard words.count == 2, !words[1].isEmpty else {
                throw Fault("'\(text)'", PictureTableColumns.expected)
            }
            switch words[0] {
            case "path": path = [words[1]]
            case "label": label = [words[1]]
            case "split": split = [words[1]]
            case "source": source = [words[1]]
            default: throw Fault("'\(words[0])'", "path, label, split or source before '='")
            }
        }
    }

    /// The columns that have another name than the usual ones.
    public var description: String {
        let usual = PictureTableColumns()
        let all = [
            ("path", path, usual.path), ("label", label, usual.label), ("split", split, usual.split),
            ("source", source, usual.source),
        ]
        return all.filter { $0.1 != $0.2 }.map { "\($0.0)=\($0.1[0])" }.joined(separator: ",")
    }

    /// What can be read.
    public static var expected: String { "names of columns, such as path=file,label=breed" }
}

/// Bytes, as `8GiB`.
struct ByteCount: TextForm, CustomStringConvertible {
    let count: Int
    let description: String

    init(parsing text: String) throws {
        let units = ["KiB": 1 << 10, "MiB": 1 << 20, "GiB": 1 << 30, "TiB": 1 << 40]
        let unit = units.first { text.hasSuffix($0.key) }
        let number = Int(unit == nil ? text[...] : text.dropLast(3))
        guard let number, number > 0 else { throw Fault("'\(text)'", ByteCount.expected) }
        let (count, overflow) = number.multipliedReportingOverflow(by: unit?.value ?? 1)
        guard !overflow else { throw Fault("'\(text)'", ByteCount.expected) }
        (self.count, description) = (count, text)
    }

    static var expected: String { "a number of bytes, such as 500MiB or 8GiB" }
}

/// A number for each channel: measured on the training pictures, those of ImageNet's networks, or given.
enum ChannelValues: TextForm, CustomStringConvertible, Equatable {
    case measured
    case imagenet
    case given([Double])

    init(parsing text: String) throws {
        switch text {
        case "measured": self = .measured
        case "imagenet": self = .imagenet
        default:
            let numbers = text.split(separator: ",", omittingEmptySubsequences: false).map {
                Double($0.trimmingCharacters(in: .whitespaces)) ?? .nan
            }
            guard [1, 3].contains(numbers.count), numbers.allSatisfy(\.isFinite) else {
                throw Fault("'\(text)'", ChannelValues.expected)
            }
            self = .given(numbers)
        }
    }

    var description: String {
        switch self {
        case .measured: "measured"
        case .imagenet: "imagenet"
        case .given(let numbers): numbers.map { "\($0)" }.joined(separator: ",")
        }
    }

    static var expected: String { "measured, imagenet, a number, or three with commas" }

    /// The numbers for so many channels; `nil`: they are to be measured.
    func values(_ imagenet: [Double], channels: Int, of option: String) throws -> [Double]? {
        let numbers: [Double]
        switch self {
        case .measured: return nil
        case .imagenet: numbers = imagenet
        case .given(let given): numbers = given
        }
        if numbers.count == channels { return numbers }
        if numbers.count == 1 { return [Double](repeating: numbers[0], count: channels) }
        throw UsageError(
            "--\(option): found '\(self)', a number for each of \(numbers.count) channels, with pictures of \(channels); expected "
                + "\(channels == 1 ? "one number" : "one for each"). Change it, or say --channels \(numbers.count)."
        )
    }
}

extension PreparationArguments {
    /// How pixels are scaled; `nil`: as measured.
    func scaling(channels: Int) throws -> InputScaling? {
        let known = InputScaling.imageNet
        let mean = try mean.values(known.mean, channels: channels, of: "mean")
        let deviation = try deviation.values(known.deviation, channels: channels, of: "deviation")
        guard let mean, let deviation else {
            guard mean == nil, deviation == nil else {
                throw UsageError(
                    "--mean, --deviation: found one that is measured and one that is not; expected both of one kind. Name both, or "
                        + "neither.")
            }
            return nil
        }
        if let fault = InputScaling.fault(mean: mean, deviation: deviation) {
            throw UsageError(
                "--mean, --deviation: found \(fault.found); expected \(fault.expected). Change them.")
        }
        return InputScaling(mean: mean, deviation: deviation)
    }
}

extension PictureListArguments {
    /// How pictures are found and read, and by which seed they are split where nothing parts them.
    func options(_ preparation: PreparationArguments? = nil, seed: UInt64) -> PictureOptions {
        var options = PictureOptions()
        options.list.split.seed = seed
        options.list.sourceLevel = sourceLevel
        options.list.skipsBroken = skipBroken
        options.list.decodesAll = checkImages
        options.list.decoding.maxPixels = maxPixels
        if let columns { options.list.columns = columns }
        if let preparation {
            options.size = preparation.size
            options.fit = preparation.resize
            options.interpolation = preparation.interpolation
            options.channels = preparation.channels
            options.background = preparation.background
        }
        return options
    }
}
