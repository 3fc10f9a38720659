import RenormArrays
import RenormFormats
import RenormLayers

/// The input of a file's network, as images.
struct ImageInput {
    /// The shape of one image: `[H, W, C]`.
    let image: TensorShape
    /// Whether channels come before height and width.
    let channelsFirst: Bool
    /// The size of the batch, where the file says one.
    let batch: Int?

    init(_ input: ONNXValue, image given: TensorShape?) throws {
        guard let shape = input.shape, shape.count == 4 else {
            throw ExchangeError.noClassifier(
                found: "an input '\(input.name.short)' of "
                    + (input.shape.map { "\($0.count) axes" } ?? "no known shape"),
                remedy: "Export it with images [N, C, H, W] or [N, H, W, C] as its input.")
        }
        let extents = shape.map { extent -> Int? in
            if case .fixed(let count) = extent, count > 0 { count } else { nil }
        }
        batch = extents[0]
        let channels: Set = [1, 3, 4]
        let isFirst = extents[1].map(channels.contains) ?? false
        let isLast = extents[3].map(channels.contains) ?? false
        channelsFirst = isFirst || !isLast
        let named =
            channelsFirst ? [extents[2], extents[3], extents[1]] : [extents[1], extents[2], extents[3]]
        let dimensions = zip(named, given.map { $0.dimensions.map(Optional.some) } ?? [nil, nil, nil])
            .map { $0 ?? $1 }
        guard !dimensions.contains(nil) else {
            throw ExchangeError.noClassifier(
                found: "an input '\(input.name.short)' that leaves the size of images open",
                remedy: "Say for which size of images it is to be read.")
        }
        self.image = TensorShape(dimensions.compactMap(\.self))
        if let given, given != self.image {
            throw ExchangeError.noClassifier(
                found: "an input of images \(self.image), where \(given) were asked for",
                remedy: "Ask for its own size, or export it for the other.")
        }
        if let fault = Architecture.fault(ofImage: self.image) {
            throw ExchangeError.noClassifier(
                found: "\(fault.found), where \(fault.expected) are read",
                remedy: "Export it for smaller images.")
        }
    }
}
