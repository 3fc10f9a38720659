import Renorm

/// When statistics stand still: from a step on, or from a part of the run on.
enum FreezingMomentText: NumberOrWord, CustomStringConvertible, Equatable {
    case step(Int)
    case part(Double)

    init(parsing text: String) throws {
        if let step = Int(text) {
            self = .step(step)
        } else if let part = try? Double(parsing: text) {
            self = .part(part)
        } else {
            throw Fault("'\(text)'", FreezingMomentText.expected)
        }
    }

    var description: String {
        switch self {
        case .step(let step): "\(step)"
        case .part(let part): "\(part)"
        }
    }

    static var expected: String { "a step from 1 on, or a part of the run between 0 and 1" }

    static var bounds: Bounds<FreezingMomentText> {
        Bounds { text in
            switch text {
            case .step(let step):
                Fault("step \(step)", expected, unless: (1...TrainingLimits.steps).contains(step))
            case .part(let part): Fault("the part \(part)", expected, unless: part > 0 && part < 1)
            }
        }
    }

    /// The number of steps after which they do, in a run of so many.
    func step(of steps: Int) -> Int {
        switch self {
        case .step(let step): step
        case .part(let part): max(1, Int((part * Double(steps)).rounded()))
        }
    }
}
