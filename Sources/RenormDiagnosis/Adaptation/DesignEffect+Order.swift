extension DesignEffect {
    /// How much the order of examples matters, at the size of groups at which it does so most clearly.
    ///
    /// - Returns: `nil` for too few examples to tell.
    init?(ofOrder examples: [[Double]]) {
        var best: DesignEffect?
        var size = examples.count < 64 ? 4 : 8
        while examples.count / size >= 8 {
            if let effect = DesignEffect(of: examples, inGroupsOf: size),
                effect.certain > best?.certain ?? -.infinity
            {
                best = effect
            }
            size *= 2
        }
        guard let best else { return nil }
        self = best
    }

    /// What it is at least. Three standard errors and not two, because several sizes are looked at.
    private var certain: Double { value - 3 * standardError }

    /// The effect where there surely is one, else 1.
    var significant: Double { certain > 1 ? value : 1 }

    /// Whether there surely is one, whatever the size of the groups that was looked at.
    public var matters: Bool { certain > 1 }

    /// The mean of several effects, whose error is at most the mean of theirs.
    init?(mean effects: [DesignEffect]) {
        guard let first = effects.first else { return nil }
        self = first
        value = effects.map(\.value).mean
        standardError = effects.map(\.standardError).mean
        (groups, size) = (effects.map(\.groups).min()!, effects.map(\.size).max()!)
    }
}
