import Foundation
import RenormArrays

/// All that happens to a picture between its file and the network: decoding, framing, scaling. It is saved with the network, so
/// that validation, evaluation and prediction see the same input to the bit.
///
///     let preparation = TrainedModel(reading: file).preparation
///     let input = preparation.scaling(try preparation.images(in: url))   // f32 [1, H, W, C]
public struct Preparation: Hashable, Sendable, Codable {
    /// How a picture is brought to the network's size.
    public var framing: Framing
    /// How its pixels become numbers.
    public var scaling: InputScaling

    /// A preparation.
    public init(framing: Framing, scaling: InputScaling) {
        precondition(
            framing.size.channels == scaling.channels,
            "a scaling of \(scaling.channels) channels for pictures of \(framing.size)")
        self.framing = framing
        self.scaling = scaling
    }

    /// The images in a file, framed: one picture, or all of an IDX file.
    ///
    /// - Returns: `u8` [N, H, W, C].
    /// - Throws: as `ImageFile`.
    public func images(in file: URL) throws -> NDArray { try ImageFile(file, framing: framing).images }
}
