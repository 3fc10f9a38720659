import Foundation
import Renorm

extension Stem: TextForm {}
extension Precision: TextForm {}
extension ConvolutionAlgorithm: TextForm {}
extension MemoryUse: TextForm {}
extension NonFinitePolicy: TextForm {}
extension Phase.Statistics: TextForm {}

extension Augmentation: TextForm {
    /// What can be read.
    public static var expected: String { names }
}

extension Sampling: TextForm {
    /// What can be read.
    public static var expected: String { names }
}

enum OptimizerChoice: String, TextForm, CaseIterable {
    case sgd, adamw, rmsprop
}

enum ScheduleChoice: String, TextForm, CaseIterable {
    case constant, cosine
}

/// Whose averages a normalization keeps.
enum StatisticsChoice: String, TextForm, CaseIterable {
    case all, source
}

/// What moving averages begin with where a trained network is gone on from.
enum StartingAverages: String, TextForm, CaseIterable {
    case kept, measured
}

enum LogFormat: String, TextForm, CaseIterable {
    case human, json
}

/// How `predict` writes.
enum PredictionFormat: String, TextForm, CaseIterable {
    case human, json, csv
}

extension TextForm where Self: LosslessStringConvertible {
    /// Reads the text form.
    public init(parsing text: String) throws {
        guard let value = Self(text) else { throw Fault("'\(text)'", Self.expected) }
        self = value
    }
}

extension String: TextForm {
    /// What can be read.
    public static var expected: String { "text" }
}

extension Bool: TextForm {
    /// What can be read.
    public static var expected: String { "true or false" }
}

extension Int: TextForm {
    /// What can be read.
    public static var expected: String { "a whole number" }
}

extension UInt64: TextForm {
    /// What can be read.
    public static var expected: String { "a whole number, 0 to 2^64 - 1" }
}

/// "nan" and "inf" are no numbers here.
extension Double: TextForm {
    /// Reads the text form.
    public init(parsing text: String) throws {
        guard let value = Double(text), value.isFinite else { throw Fault("'\(text)'", Double.expected) }
        self = value
    }
    /// What can be read.
    public static var expected: String { "a finite number" }
}

/// A path that means the same from every folder.
struct FilePath: TextForm, CustomStringConvertible {
    var url: URL

    init(parsing text: String) { url = URL(fileURLWithPath: text) }

    var description: String { url.path }
    static var expected: String { "a path" }
}

/// The extents of an image as `224x224x3`.
struct ImageShape: TextForm, CustomStringConvertible {
    var shape: TensorShape

    init(_ shape: TensorShape) { self.shape = shape }

    init(parsing text: String) throws {
        let extents = text.split(separator: "x", omittingEmptySubsequences: false).map { Int($0) ?? 0 }
        guard extents.count == 3, extents.allSatisfy({ $0 > 0 }) else {
            throw Fault("'\(text)'", ImageShape.expected)
        }
        shape = TensorShape(extents)
    }

    var description: String { shape.dimensions.map(String.init).joined(separator: "x") }
    static var expected: String { "HEIGHTxWIDTHxCHANNELS such as 224x224x3" }
}
