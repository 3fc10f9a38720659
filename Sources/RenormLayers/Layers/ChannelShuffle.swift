import RenormGraphs

/// Deals the channels of `[N, H, W, C]` out anew, so that groups of channels mix (Zhang et al. 2018): of G groups of
/// C / G channels first the first of each group, then the second of each, and so on.
public struct ChannelShuffle: Layer, Hashable {
    /// The number of groups.
    public var groups: Int

    /// Makes the layer.
    public init(groups: Int) { self.groups = groups }

    /// The layer in a few words.
    public var summary: String { "channel shuffle of \(groups) groups" }

    /// Reorders the channels.
    ///
    /// - Throws: `GraphError` when x is no batch of images or the groups do not divide its channels.
    public func callAsFunction(_ x: Tensor, _ scope: Scope) throws -> Tensor {
        try x.requireImages("channelShuffle")
        let channels = x.shape[3]
        guard groups > 0, channels % groups == 0 else {
            throw GraphError.option(
                operation: "channelShuffle", path: scope.path,
                found: "\(groups) groups of \(channels) channels",
                expected: "a number of groups that divides the channels")
        }
        let places = x.shape.elementCount / channels
        return try x.reshaped(to: [places, groups, channels / groups]).transposed([0, 2, 1])
            .reshaped(to: x.shape)
    }
}
