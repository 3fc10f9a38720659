import Renorm

/// In which order images and corruptions come.
enum Setting: String, CaseIterable {
    /// One corruption, images in random order.
    case iid
    /// One corruption, class by class.
    case sorted
    /// One corruption, classes in windows as Dirichlet's distribution of 0.1 makes them.
    case dirichlet
    /// One corruption after another, nothing reset, images in random order.
    case continual
    /// The same, class by class within each.
    case continualSorted = "continual-sorted"
    /// All corruptions at once.
    case mixed
    /// All corruptions at once, classes in windows.
    case mixedDirichlet = "mixed-dirichlet"

    /// Whether a stream has all corruptions.
    var joins: Bool {
        switch self {
        case .iid, .sorted, .dirichlet: false
        default: true
        }
    }

    /// The stream: for each place the number of the corruption and of the image.
    func stream(corruptions: Int, labels: [Int32], classes: Int, seed: UInt64) -> [(
        corruption: Int, image: Int
    )] {
        var random = Random(seed: seed, stream: "never-hurts.\(rawValue)")
        let images = labels.count
        func order(_ setting: Setting) -> [Int] {
            let shuffled = random.permutation(images)
            switch setting {
            case .sorted:
                let places = random.permutation(classes)
                return shuffled.enumerated().sorted {
                    (places[Int(labels[$0.element])], $0.offset) < (
                        places[Int(labels[$1.element])], $1.offset
                    )
                }.map(\.element)
            case .dirichlet: return correlated(shuffled, labels, classes: classes, &random)
            default: return shuffled
            }
        }
        switch self {
        case .iid, .sorted, .dirichlet: return order(self).map { (0, $0) }
        case .continual, .continualSorted:
            return random.permutation(corruptions).flatMap { corruption in
                order(self == .continual ? .iid : .sorted).map { (corruption, $0) }
            }
        case .mixed, .mixedDirichlet:
            // Each image with one corruption, as many streams one after another as there are corruptions.
            return (0..<corruptions).flatMap { _ in
                order(self == .mixed ? .iid : .dirichlet).map { (random.integer(below: corruptions), $0) }
            }
        }
    }
}

/// Images in windows of 100, each with its own shares of classes of Dirichlet's distribution of 0.1; a class that is used up gives
/// its share to the others.
private func correlated(_ images: [Int], _ labels: [Int32], classes: Int, _ random: inout Random) -> [Int] {
    var pools = [[Int]](repeating: [], count: classes)
    for image in images { pools[Int(labels[image])].append(image) }
    var result: [Int] = []
    while result.count < images.count {
        // Parts of what is left are of Beta distributions.
        var (shares, left) = ([Double](repeating: 0, count: classes), 1.0)
        for label in 0..<classes - 1 {
            let part = random.beta(0.1, 0.1 * Double(classes - 1 - label))
            shares[label] = left * part
            left *= 1 - part
        }
        shares[classes - 1] = left
        for _ in 0..<min(100, images.count - result.count) {
            var total = 0.0
            for label in 0..<classes where !pools[label].isEmpty { total += shares[label] + 1e-9 }
            var draw = random.uniform() * total
            var chosen = pools.firstIndex { !$0.isEmpty }!
            for label in 0..<classes where !pools[label].isEmpty {
                chosen = label
                draw -= shares[label] + 1e-9
                if draw < 0 { break }
            }
            result.append(pools[chosen].removeLast())
        }
    }
    return result
}
