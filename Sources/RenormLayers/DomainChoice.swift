import RenormArrays
import RenormGraphs

/// Statistics of several domains in one graph, of which each run uses those of one: every statistic is kept once for each domain, one
/// after another, and the choice is an input of the graph (Chang et al. 2019).
struct DomainChoice {
    /// The number of domains.
    let count: Int
    /// `[count]`: 1 for the domain that is used, 0 for the others.
    let choice: Tensor

    /// - Parameter choice: `[domains]`.
    init(_ choice: Tensor) {
        count = choice.shape[0]
        self.choice = choice
    }

    /// The shape of what is kept for a statistic of a shape.
    func stacked(_ shape: TensorShape) -> TensorShape { TensorShape([count] + shape.dimensions) }

    /// What is kept for the domain that is used: exactly that, since the others are taken 0 times.
    func chosen(of all: Tensor) throws -> Tensor {
        try (all * mask(for: all)).sum(axes: [0]).stoppingGradient()
    }

    /// What is kept, with another value for the domain that is used; the others keep every bit.
    func replacing(_ value: Tensor, in all: Tensor) throws -> Tensor {
        try mask(for: all).select(
            value.reshaped(to: TensorShape([1] + value.shape.dimensions)).broadcast(to: all.shape), all)
    }

    private func mask(for all: Tensor) throws -> Tensor {
        let ones = [Int](repeating: 1, count: all.shape.rank - 1)
        return try choice.reshaped(to: TensorShape([count] + ones))
    }
}
