/// Which class each number of a labels file means.
public struct LabelNumbering: Hashable, Sendable {
    /// The number of classes; `nil`: as many as the largest training label says.
    public var classes: Int?
    /// The label of the first class: 1 for files whose labels count from 1.
    public var offset: Int

    /// Makes a numbering; without arguments labels are the classes' numbers, from 0.
    public init(classes: Int? = nil, offset: Int = 0) {
        self.classes = classes
        self.offset = offset
    }

    /// What the classes are called: by their labels.
    ///
    /// - Parameter largest: The largest label that occurs.
    func names(largest: Int) -> [String] {
        (0..<(classes ?? max(largest - offset + 1, 1))).map { "\($0 + offset)" }
    }
}

extension Dataset {
    /// What is odd about its classes as something to train on, in sentences that say what to do: classes that no image is
    /// of.
    package var warningsOfClasses: [String] {
        let counts = classCounts
        let empty = counts.indices.filter { counts[$0] == 0 }
        guard !empty.isEmpty, let largest = counts.lastIndex(where: { $0 > 0 }) else { return [] }
        let one = empty.count == 1
        var text =
            "\(one ? "1 class" : "\(empty.count) classes") of \(classCount) in \(name) \(one ? "has" : "have") no "
            + "training image: \(few(empty.map { classNames[$0] }))."
        let isNumbered = classNames.indices.allSatisfy { classNames[$0] == "\($0 + labelOffset)" }
        guard isNumbered else { return [text] }
        let first = counts.firstIndex { $0 > 0 } ?? 0
        if first > 0 {
            text +=
                " If its labels count from \(first + labelOffset), say so (label offset \(first + labelOffset))."
        }
        if largest == classCount - 1, empty.contains(where: { $0 > first }) {
            text +=
                " The largest label, \(classNames[largest]), which \(counts[largest]) of \(count) images "
                + "\(counts[largest] == 1 ? "has" : "have"), makes \(classCount) classes: if it is a mistake, say how "
                + "many there are (number of classes); larger labels are then refused by name."
        }
        return [text]
    }

    /// Classes all of whose images are held out, in a sentence that says what to do.
    ///
    /// - Parameter kept: What is left of the dataset to train on.
    package func warningsOfHoldingOut(leaving kept: Dataset) -> [String] {
        let (counts, left) = (classCounts, kept.classCounts)
        let lost = counts.indices.filter { counts[$0] > 0 && left[$0] == 0 }
        guard !lost.isEmpty else { return [] }
        let names = few(lost.map { classNames[$0] })
        return [
            "\(lost.count == 1 ? "1 class" : "\(lost.count) classes") of \(name) cannot be learned, because every image "
                + "is held out: \(names). Hold out fewer."
        ]
    }

    /// The first of many names.
    private func few(_ names: [String]) -> String {
        names.prefix(5).joined(separator: ", ") + (names.count > 5 ? ", …" : "")
    }
}
