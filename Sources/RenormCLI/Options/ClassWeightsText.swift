import Foundation
import Renorm

/// Class weights by a word, or in a file.
struct ClassWeightsText: TextForm, CustomStringConvertible {
    let value: ClassWeights
    /// The word, or the file's path.
    let description: String

    static let none = ClassWeightsText(value: .none, description: "none")
    static var expected: String { "none, balanced or FILE" }

    private init(value: ClassWeights, description: String) {
        (self.value, self.description) = (value, description)
    }

    init(parsing text: String) throws {
        switch text {
        case "none": self = .none
        case "balanced": self.init(value: .balanced, description: text)
        default:
            let file = URL(fileURLWithPath: text)
            self.init(value: try ClassWeights(reading: file), description: file.path)
        }
    }
}
