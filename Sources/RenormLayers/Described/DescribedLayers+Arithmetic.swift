import RenormArrays
import RenormGraphs

extension DescribedLayers {
    /// What single operations of other programs' networks become.
    static func registerArithmetic(in table: Registry<Row>) {
        let joining: [(String, String, Binary)] = [
            ("add", "the sum of its inputs", .add),
            ("subtract", "the first input without the others", .subtract),
            ("multiply", "the product of its inputs", .multiply),
            ("divide", "the first input over the others", .divide),
            ("maximum", "the largest of its inputs, value by value", .maximum),
            ("minimum", "the smallest of its inputs, value by value", .minimum),
        ]
        for (name, summary, operation) in joining {
            table.register(name, Row(joining: summary) { _ in Arithmetic(operation) })
        }
        table.register(
            "concatenate",
            Row(joining: "its inputs one after another in the channels") { _ in Concatenation() })
        table.register(
            "function",
            Row("a function of each value, such as tanh", short: "name") { options in
                let name = try options.text("name")
                guard let function = name.flatMap(Unary.init(rawValue:)) else {
                    throw options.failure(
                        of: "name", found: name.map { "'\($0.prefix(60).description.visible)'" } ?? "no name",
                        expected: "one of " + Unary.allCases.map(\.rawValue).joined(separator: ", "))
                }
                return FunctionLayer(function: function)
            })
        table.register(
            "clip",
            Row("values kept between 'low' and 'high'") { options in
                func limit(_ name: String) throws -> Double? {
                    try options.has(name) ? options.number(name, in: -1e30...1e30) : nil
                }
                return Clip(low: try limit("low"), high: try limit("high"))
            })
        table.register(
            "leaky-relu",
            Row("x above 0, else slope · x", short: "slope", isActivation: true) { options in
                LeakyReLU(slope: try options.number("slope", in: -1e30...1e30, or: 0.01))
            })
        table.register(
            "linear",
            Row("x · scale + shift, fixed numbers for all channels or for each") { options in
                LinearLayer(
                    scale: try options.has("scale") ? options.numbers("scale") : [1],
                    shift: try options.has("shift") ? options.numbers("shift") : [0])
            })
        table.register("scale", Row("a trained factor for each channel") { _ in ChannelScale() })
        table.register("shift", Row("a trained number for each channel, added") { _ in ChannelShift() })
        table.register(
            "threshold",
            Row("what is above a trained number for each channel, else that number") { _ in ChannelThreshold()
            })
        table.register(
            "channels",
            Row("some of the channels") { options in
                ChannelSlice(
                    first: try options.integer("from", in: 0...most, or: 0),
                    count: try options.integer("count", in: 1...most))
            })
        table.register(
            "channel-mean", Row("the mean over the channels, as one channel") { _ in ChannelMean() })
        table.register(
            "zero-pad",
            Row("zeros around the image: top, bottom, left, right", short: "sides") { options in
                ZeroPad(sides: try options.integers("sides", 4, in: 0...largestWindow))
            })
        table.register(
            "reshape",
            Row("the values of each example under another shape", short: "shape") { options in
                ReshapeLayer(shape: try options.integers("shape", in: 1...most))
            })
        table.register(
            "transpose",
            Row("the axes of each example, from 1 on, in another order", short: "order") { options in
                TransposeLayer(permutation: try options.integers("order", in: 1...8))
            })
    }
}
