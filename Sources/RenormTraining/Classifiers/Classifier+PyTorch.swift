import Foundation
import RenormArrays
import RenormFormats
import RenormGraphs
import RenormLayers

extension Classifier {
    /// Writes the network's variables as PyTorch has them, as a safetensors file that its module loads strictly: under PyTorch's
    /// names, and with batch normalization in place of everything that keeps moving averages. Inference stays what it was.
    ///
    /// - Returns: The layers whose normalization PyTorch does not have; their variables are written under our names.
    /// - Throws: `NormalizationError` if averages cannot be converted; what writing a file throws.
    public func writeForPyTorch(to url: URL) throws -> [String] {
        let exported = try model.convertingPopulations(to: .batch)
        var content = NamedArrays(metadata: ["format": "pt"])
        for (path, variable) in exported.variables.inStoredTypes { content.arrays[path] = variable.value }
        try content.write(safetensors: url)
        return try exported.tracedNormalizations().filter(\.normalization.kind.isActivated).map(\.path)
    }
}
