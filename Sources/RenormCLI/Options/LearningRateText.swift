import Renorm

/// A learning rate, or that it is to be found.
enum LearningRateText: NumberOrWord, CustomStringConvertible, Equatable {
    case auto
    case rate(Double)

    init(parsing text: String) throws {
        if text == "auto" {
            self = .auto
        } else if let rate = try? Double(parsing: text) {
            self = .rate(rate)
        } else {
            throw Fault("'\(text)'", LearningRateText.expected)
        }
    }

    var description: String {
        switch self {
        case .auto: "auto"
        case .rate(let rate): "\(rate)"
        }
    }

    static var expected: String { "auto or a finite number" }

    static var bounds: Bounds<LearningRateText> {
        Bounds { text in
            guard case .rate(let rate) = text else { return nil }
            return Fault("\(rate)", "more than 0", unless: rate > 0)
        }
    }
}
