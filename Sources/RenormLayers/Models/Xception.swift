import RenormArrays
import RenormGraphs

/// Xception (Chollet 2017) as Keras has it, with timm's names: `conv1`, `block1.rep.0.conv1`, `block1.skip`, `conv4.pointwise`,
/// `fc`. Separable convolutions in residual blocks; padding is TensorFlow's SAME, so windows of even maps lie at the top left.
///
/// Initial values are timm's: convolutions by He's rule.
public struct Xception: Layer {
    /// The number of classes.
    public var classes: Int
    /// The units of a dense layer between pooling and classifier, `hidden`, with ReLU and dropout at a rate of 0.2 after it: heads
    /// that are put on Keras' networks often have one. `nil` for none.
    public var hidden: Int?
    /// The normalization after each convolution.
    public var normalization: Normalization

    /// Makes the network; 22.9 M parameters with 1,000 classes.
    public init(
        classes: Int, hidden: Int? = nil, normalization: Normalization = Normalization(.batch, epsilon: 1e-3)
    ) {
        self.classes = classes
        self.hidden = hidden
        self.normalization = normalization
    }

    /// Logits `[N, classes]`.
    public func callAsFunction(_ x: Tensor, _ scope: Scope) throws -> Tensor {
        try Chain {
            unit(Convolution(32, kernel: 3, stride: 2, padding: .valid, bias: false), 1)
            unit(Convolution(64, kernel: 3, padding: .valid, bias: false), 2)
            Block([128, 128], stride: 2, isFirst: true, normalization: normalization).named("block1")
            Block([256, 256], stride: 2, normalization: normalization).named("block2")
            Block([728, 728], stride: 2, normalization: normalization).named("block3")
            (4...11).map { Block([728, 728, 728], normalization: normalization).named("block\($0)") }
            Block([728, 1024], stride: 2, normalization: normalization).named("block12")
            unit(SeparableConvolution(1536, kernel: 3), 3)
            unit(SeparableConvolution(2048, kernel: 3), 4)
            GlobalAveragePool().named("global_pool")
            if let hidden {
                Dense(hidden).named("hidden")
                ReLU().named("hidden_act")
                Dropout(0.2).named("hidden_drop")
            }
            Dense(classes).named("fc")
        }(x, scope)
    }

    private func unit(_ convolution: any WeightedLayer, _ number: Int) -> ConvolutionUnit {
        ConvolutionUnit(convolution, normalization, names: ("conv\(number)", "bn\(number)"))
    }

    /// Separable convolutions, each after a ReLU, beside x or a 1×1 convolution of it.
    private struct Block: Layer {
        var channels: [Int]
        var stride: Int
        /// Whether what comes has passed a ReLU.
        var isFirst: Bool
        var normalization: Normalization

        init(_ channels: [Int], stride: Int = 1, isFirst: Bool = false, normalization: Normalization) {
            self.channels = channels
            self.stride = stride
            self.isFirst = isFirst
            self.normalization = normalization
        }

        func callAsFunction(_ x: Tensor, _ scope: Scope) throws -> Tensor {
            var around = x
            if stride != 1 {
                let convolution = Convolution(channels.last!, kernel: 1, stride: stride, bias: false)
                around = try ConvolutionUnit(
                    convolution, normalization, activation: nil, names: ("skip", "skipbn"))(x, scope)
            }
            return try scope.apply("rep", body, to: x) + around
        }

        private var body: Sequential {
            Sequential {
                if !isFirst { ReLU() }
                for (index, count) in channels.enumerated() {
                    ConvolutionUnit(
                        SeparableConvolution(count, kernel: 3), normalization,
                        activation: index + 1 < channels.count ? ReLU() : nil)
                }
                if stride != 1 { MaxPool(3, stride: stride, padding: .same) }
            }
        }
    }
}

extension Xception {
    static func register(in table: Registry<Network>) {
        table.register(
            "xception", argument: .optional("UNITS"),
            Network(
                "separable convolutions in residual blocks, as Keras' (Chollet 2017); UNITS of a hidden layer",
                image: [299, 299, 3], normalization: Normalization(.batch, epsilon: 1e-3),

                otherNames: [nil, 1].map {
                    Xception(classes: 1, hidden: $0, normalization: Normalization(.none)).kerasNames
                }
            ) { request, argument in
                let units = argument.flatMap(Int.init)
                guard argument == nil || (1...65_536).contains(units ?? 0) else { return nil }
                return Xception(
                    classes: request.classes, hidden: units, normalization: request.normalization)
            })
    }

    /// Keras' names of its variables (`keras.applications.Xception`), `layer/variable`: `block2_sepconv1/depthwise_kernel`,
    /// `block2_sepconv1_bn/gamma`, `conv2d_1/kernel`, `predictions/bias`. The last dense layers may be called `dense` and `dense_1`.
    public var kerasNames: NameTable {
        let heads =
            hidden == nil ? ["predictions": "fc", "dense": "fc"] : ["dense": "hidden", "dense_1": "fc"]
        return NameTable(
            "Keras",
            Self.kerasRules
                + heads.sorted { $0.key < $1.key }.flatMap { theirs, ours in
                    [
                        .init("\(theirs)/kernel", "\(ours).weight", axes: [1, 0]),
                        .init("\(theirs)/bias", "\(ours).bias"),
                    ]
                })
    }

    private static let kerasRules: [NameTable.Rule] = {
        var rules: [NameTable.Rule] = []
        func add(_ theirs: String, _ ours: String, _ variables: [(String, String, [Int]?)]) {
            rules += variables.map { .init("\(theirs)/\($0)", "\(ours).\($1)", axes: $2) }
        }
        func addConvolution(_ theirs: String, _ ours: String) {
            add(theirs, ours, [("kernel", "weight", [3, 2, 0, 1])])
        }
        func addSeparable(_ theirs: String, _ ours: String) {
            add(
                theirs, ours,
                [
                    ("depthwise_kernel", "conv1.weight", [2, 3, 0, 1]),
                    ("pointwise_kernel", "pointwise.weight", [3, 2, 0, 1]),
                ])
        }
        func addNormalization(_ theirs: String, _ ours: String) {
            add(
                theirs, ours,
                [
                    ("gamma", "weight", nil), ("beta", "bias", nil), ("moving_mean", "running_mean", nil),
                    ("moving_variance", "running_var", nil),
                ])
        }
        for number in 1...2 {
            addConvolution("block1_conv\(number)", "conv\(number)")
            addNormalization("block1_conv\(number)_bn", "bn\(number)")
        }
        for block in 1...12 {
            for index in 0..<((4...11).contains(block) ? 3 : 2) {
                // The first block begins without a ReLU.
                let place = 3 * index + (block == 1 ? 0 : 1)
                let theirs = "block\(block + 1)_sepconv\(index + 1)"
                addSeparable(theirs, "block\(block).rep.\(place)")
                addNormalization("\(theirs)_bn", "block\(block).rep.\(place + 1)")
            }
        }
        for (number, block) in [1, 2, 3, 12].enumerated() {
            let suffix = number == 0 ? "" : "_\(number)"
            addConvolution("conv2d\(suffix)", "block\(block).skip")
            addNormalization("batch_normalization\(suffix)", "block\(block).skipbn")
        }
        for number in 1...2 {
            addSeparable("block14_sepconv\(number)", "conv\(number + 2)")
            addNormalization("block14_sepconv\(number)_bn", "bn\(number + 2)")
        }
        return rules
    }()
}
