import RenormArrays
import RenormFormats
import RenormTraining

/// An event of TensorBoard (tensorflow/core/util/event.proto and framework/summary.proto).
struct TensorBoardEvent {
    /// What a value is.
    enum Value {
        case scalar(Double)
        /// Numbers by their quantiles, and how many there are.
        case histogram(Distribution, count: Int)
        /// `u8` `[H, W, C]`.
        case image(NDArray)
        /// Markdown.
        case text(String)
    }

    /// What an event holds.
    enum Content {
        /// The first of a file.
        case version
        /// A session begins; TensorBoard leaves out what earlier files have from this step on.
        case start
        case values([(tag: String, value: Value)])
    }

    var time: Double
    var step: Int
    var content: Content

    /// The record of the event.
    var record: [UInt8] {
        var event = ProtobufWriter()
        event.double(1, time)
        if step != 0 { event.integer(2, step) }
        switch content {
        case .version: event.text(3, "brain.Event:2")
        case .start:
            var session = ProtobufWriter()
            session.integer(1, 1)
            event.message(7, session)
        case .values(let values):
            var summary = ProtobufWriter()
            for (tag, value) in values { summary.message(1, TensorBoardEvent.message(tag, value)) }
            event.message(5, summary)
        }
        return TensorBoardRecord.framed(event.flat)
    }

    private static func message(_ tag: String, _ value: Value) -> ProtobufWriter {
        var result = ProtobufWriter()
        result.text(1, tag)
        switch value {
        case .scalar(let number): result.float(2, Float(number))
        case .histogram(let distribution, let count): result.message(5, histogram(distribution, count))
        case .image(let pixels):
            var image = ProtobufWriter()
            image.integer(1, pixels.shape[0])
            image.integer(2, pixels.shape[1])
            image.integer(3, pixels.shape[2])
            image.bytes(4, PNGFile.bytes(pixels))
            result.message(4, image)
        case .text(let text):
            // A scalar tensor of the type DT_STRING, for the plugin `text`.
            var tensor = ProtobufWriter()
            tensor.integer(1, 7)
            tensor.message(2, ProtobufWriter())
            tensor.bytes(8, Array(text.utf8))
            result.message(8, tensor)
            var plugin = ProtobufWriter()
            plugin.text(1, "text")
            var metadata = ProtobufWriter()
            metadata.message(1, plugin)
            // DATA_CLASS_TENSOR.
            metadata.integer(4, 2)
            result.message(9, metadata)
        }
        return result
    }

    /// Buckets between the quantiles.
    private static func histogram(_ distribution: Distribution, _ count: Int) -> ProtobufWriter {
        let (levels, quantiles) = (Distribution.levels, distribution.quantiles)
        var (limits, buckets, sum, squares) = ([Double](), [Double](), 0.0, 0.0)
        for index in 1..<quantiles.count {
            let share = (levels[index] - levels[index - 1]) * Double(count)
            let middle = (quantiles[index] + quantiles[index - 1]) / 2
            sum += share * middle
            squares += share * middle * middle
            if limits.last == quantiles[index] {
                buckets[buckets.count - 1] += share
            } else {
                limits.append(quantiles[index])
                buckets.append(share)
            }
        }
        var result = ProtobufWriter()
        result.double(1, distribution.minimum)
        result.double(2, distribution.maximum)
        result.double(3, Double(count))
        result.double(4, sum)
        result.double(5, squares)
        result.doubles(6, limits)
        result.doubles(7, buckets)
        return result
    }
}
