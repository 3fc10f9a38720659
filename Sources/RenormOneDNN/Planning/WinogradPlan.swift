import COneDNN
import RenormArrays
import RenormEngines
import RenormKernels

/// A convolution computed by Winograd's algorithm, in one of its three directions.
struct WinogradPlan {
    private(set) var plan: renorm_winograd

    /// Plans a convolution, if it is one that Winograd's algorithm computes and the options and the rule choose it.
    init?(
        _ direction: renorm_winograd_direction, _ geometry: ConvolutionGeometry, _ options: PlanningOptions
    ) {
        guard options.convolution != .direct, let shape = renorm_winograd_shape(geometry),
            let tile = WinogradPlan.tile(direction, geometry, options.convolution)
        else { return nil }
        plan = renorm_winograd_planned(direction, shape, tile, Int32(options.threads))
    }

    /// The results of a tile along each axis, or nil where a direct convolution is faster.
    ///
    /// It decides how sums are rounded, so it depends on shapes and on whether the processor multiplies and adds in wide
    /// vectors, not on what was measured when a program started. Its constants were fitted to measurements (README of
    /// Benchmarks); where they are wrong, a convolution takes a little longer.
    private static func tile(
        _ direction: renorm_winograd_direction, _ geometry: ConvolutionGeometry,
        _ algorithm: ConvolutionAlgorithm
    ) -> Int? {
        // Vectors that neither are wide nor fuse have no kernels of their own; they serve tests.
        guard algorithm == .winograd || renorm_instructions_current() != .baseline else { return nil }
        let (y, channels) = (geometry.y, [geometry.x[3], geometry.y[3]].map(Double.init))
        // Counted in products for each pair of channels. Transforming tiles is worth so many channels on either side, filters
        // 8 more tiles, and waking threads 4 million products.
        let channelsOfTiles: Double = direction == .weight_gradient ? 24 : 16
        let waking = 4e6 / channels.reduce(1, *)
        let costs = [4, 2].map { tile in
            let tiles = y[0] * ((y[1] + tile - 1) / tile) * ((y[2] + tile - 1) / tile)
            let products = Double((tile + 2) * (tile + 2) * (tiles + 8))
            return (tile: tile, cost: products * channels.reduce(1) { $0 + channelsOfTiles / $1 } + waking)
        }
        let best = costs.min { $0.cost < $1.cost }!
        // A direct convolution makes 9 products for each result, a little faster, but not of rows shorter than its
        // registers take.
        let direct = 7 * Double(y[0] * y[1] * max(y[2], 6))
        return algorithm == .winograd || best.cost < direct ? best.tile : nil
    }

    var scratchByteCount: Int { withUnsafePointer(to: plan) { renorm_winograd_scratch($0) } }

    /// The size of all transformed filters, if they are transformed before the tiles, else 0.
    var filterByteCount: Int { withUnsafePointer(to: plan) { renorm_winograd_filter_bytes($0) } }

    /// What a profile calls it.
    var name: String { "winograd:\(plan.tile)x\(plan.tile)" }
}

extension renorm_winograd_shape {
    /// The shape, if Winograd's algorithm computes such convolutions: 3×3, stride 1, f32, channels in whole blocks.
    init?(_ geometry: ConvolutionGeometry) {
        let options = geometry.options
        let block = Int(renorm_winograd_channels)
        guard geometry.type == .f32, options.groups == 1, options.strides == [1, 1],
            options.dilations == [1, 1], geometry.weight[2] == 3, geometry.weight[3] == 3,
            geometry.weight[0] % block == 0, geometry.weight[1] % block == 0,
            options.padding.allSatisfy({ (0...2).contains($0) }), geometry.y.elementCount > 0
        else { return nil }
        self.init(
            images: geometry.x[0], height: geometry.x[1], width: geometry.x[2], inputs: geometry.x[3],
            outputs: geometry.y[3], top: options.padding[0], bottom: options.padding[1],
            left: options.padding[2], right: options.padding[3])
    }
}

extension ConvolutionGeometry {
    /// The layout in which the gradient of the weight is computed.
    func weightGradientLayout(_ library: OneDNNLibrary, _ options: PlanningOptions) throws -> MemoryDescriptor
    {
        if WinogradPlan(.weight_gradient, self, options) != nil {
            return try MemoryDescriptor(library, blockedWeight: weight)
        }
        if depthwise(options) != nil { return try depthwiseWeight(library) }
        return try weightGradient(library).layout(of: Int(onednn_query_weight_gradient))
    }
}
