import COneDNN
import RenormKernels

extension Lowering {
    /// A forward convolution with what is fused with it.
    func lowerWinograd(_ fused: FusedConvolution, _ plan: WinogradPlan, _ geometry: ConvolutionGeometry)
        throws
    {
        let inputs = prepared.inputs(fused.convolution)
        var reads = [
            try operand(inputs[0]), try winogradFilters(inputs[1], plan, geometry, for: fused.convolution),
        ]
        var epilogue = WinogradEpilogue(activation: fused.activation.kernel)
        if inputs.count > 2 {
            epilogue.bias = reads.count
            reads.append(try operand(inputs[2]))
        }
        if let residual = fused.residual {
            epilogue.residual = reads.count
            reads.append(try operand(residual))
        }
        let result = fused.nodes.last!
        add(
            PlannedUnit(
                key: result, reads: reads, writes: [try operand(result)],
                scratchByteCount: plan.scratchByteCount
            ) { [epilogue] _ in WinogradUnit("convolution", plan, epilogue) })
    }

    /// The gradient of a convolution's input.
    func lowerWinograd(_ index: Int, _ plan: WinogradPlan, _ geometry: ConvolutionGeometry) throws {
        let inputs = prepared.inputs(index)
        add(
            PlannedUnit(
                key: index,
                reads: [
                    try operand(inputs[0]), try winogradFilters(inputs[1], plan, geometry, for: index),
                ],
                writes: [try operand(index)], scratchByteCount: plan.scratchByteCount
            ) { _ in WinogradUnit("convolutionInputGradient", plan, WinogradEpilogue()) })
    }

    /// The weight as the plan reads it: in blocks, and transformed if all filters are transformed before the tiles. (What
    /// depends on variables alone the order of units puts into the prologue.)
    private func winogradFilters(
        _ node: Int, _ plan: WinogradPlan, _ geometry: ConvolutionGeometry, for reader: Int
    ) throws -> Operand {
        let layout = try MemoryDescriptor(library, blockedWeight: geometry.weight)
        let weight = try self.weight(node, in: layout, geometry, for: reader)
        guard plan.filterByteCount > 0 else { return weight }
        let filters = buffer(plan.filterByteCount)
        add(
            PlannedUnit(key: reader, reads: [weight], writes: [filters]) { _ in WinogradFiltersUnit(plan) })
        return filters
    }
}
