/// How far the means of classes scatter beside the examples: the part of the scatter that a wrong mix of classes leaves in a mean,
/// however many examples there are.
///
/// Classes are those that the network takes the examples for. The estimate is that of unweighted means in a one-way layout (Searle,
/// Casella & McCulloch 1992): the variance of the classes' means, less what their own examples' scatter makes of it.
package struct ClassScatter {
    /// The examples of each class that has at least two, by their numbers.
    private let groups: [[Int]]

    /// - Parameter classes: The class of each example.
    package init(_ classes: [Int]) {
        groups = Dictionary(grouping: classes.indices, by: { classes[$0] }).values
            .filter { $0.count > 1 }.sorted { $0[0] < $1[0] }
    }

    /// The variance between classes of a number that each example has; `nil` where fewer than two classes are seen, which say
    /// nothing of the others.
    package func variance(_ value: (Int) -> Double) -> Double? {
        guard groups.count > 1 else { return nil }
        var (means, chance, within, freedom) = ([Double](), 0.0, 0.0, 0)
        for group in groups {
            let mean = group.reduce(0) { $0 + value($1) } / Double(group.count)
            within += group.reduce(0) { $0 + (value($1) - mean) * (value($1) - mean) }
            freedom += group.count - 1
            chance += 1 / Double(group.count)
            means.append(mean)
        }
        let center = means.mean
        let between = means.reduce(0) { $0 + ($1 - center) * ($1 - center) } / Double(means.count - 1)
        return max(between - within / Double(freedom) * chance / Double(means.count), 0)
    }

    /// The same of several channels, each moderated towards the mean of all, as the variance of few classes is uncertain.
    ///
    /// - Parameter value: Gives the number of an example in a channel.
    package func variances(channels: Int, _ value: (_ example: Int, _ channel: Int) -> Double) -> [Double]? {
        let own = (0..<channels).compactMap { channel in variance { value($0, channel) } }
        guard own.count == channels else { return nil }
        let (known, mean) = (Double(groups.count - 1), own.mean)
        return own.map { (known * $0 + 4 * mean) / (known + 4) }
    }
}
