import Renorm
import RenormTestSupport
import Testing

/// A network of the zoo and its fixture `zoo/NAME`: what the original has, gives and learns under weights that are a formula. Another network
/// is another row of `all`, and one of `scripts/fixtures/zoo.py`.
struct ZooCase: Sendable, CustomTestStringConvertible {
    /// The name of the fixture.
    var fixture: String
    /// The name in `Networks.table`.
    var name: String
    /// How images enter.
    var stem: Stem
    /// The normalization; the published one unless given.
    var normalization: Normalization
    /// A group normalization's number of groups that divides all its channels.
    var groups: Int
    /// Makes the network cheaper to run, as the script does with the original.
    var narrow: @Sendable (any Layer) -> any Layer

    init(
        _ fixture: String, name: String? = nil, stem: Stem = .imagenet, normalization: Normalization? = nil,
        groups: Int = 8, narrow: @escaping @Sendable (any Layer) -> any Layer = { $0 }
    ) {
        self.fixture = fixture
        self.name = name ?? fixture
        self.stem = stem
        self.normalization = normalization ?? Networks.table.find(self.name)!.value.normalization
        self.groups = groups
        self.narrow = narrow
    }

    static let all: [ZooCase] =
        ["resnet18", "resnet34", "resnet50", "resnet101", "resnet152", "resnext50-32x4d", "wide-resnet50-2"]
        .map { ZooCase($0) } + [
            ZooCase("resnet18-cifar", name: "resnet18", stem: .cifar),
            ZooCase("resnet50-cifar", name: "resnet50", stem: .cifar),
            ZooCase("mobilenetv2"), ZooCase("mobilenetv2-quarter", name: "mobilenetv2:0.25"),
            ZooCase("mobilenetv2-cifar", name: "mobilenetv2:0.25", stem: .cifar),
            ZooCase("mobilenetv3-large"), ZooCase("mobilenetv3-small"),
            ZooCase("efficientnet-b0"), ZooCase("efficientnet-lite0"),
            ZooCase("inceptionv3"), ZooCase("xception"), ZooCase("densenet121"),
            ZooCase("shufflenetv2", groups: 2),
            ZooCase("regnet-y-400mf"), ZooCase("convnext-tiny"),
            ZooCase(
                "convnext-tiny-batch", name: "convnext-tiny",
                normalization: Normalization(.batch, epsilon: 1e-3)),
        ]
        + ["vgg11", "vgg13", "vgg16", "vgg19"].flatMap { name in
            [
                ZooCase(name, narrow: narrowed),
                ZooCase("\(name)-none", name: name, normalization: Normalization(.none), narrow: narrowed),
            ]
        }

    /// One of each kind in `make test`: with residuals, with squeeze and excitation, and with branches.
    static let usual =
        testsAreThorough
        ? all : all.filter { ["resnet18", "mobilenetv3-small", "shufflenetv2"].contains($0.fixture) }
    /// The networks that are published.
    static let published = all.filter { zoo in
        !["-cifar", "-quarter", "-batch"].contains { zoo.fixture.hasSuffix($0) }
    }

    var testDescription: String { fixture }

    /// The network, without dropping anything.
    func layer(classes: Int = 10, side: Int) throws -> any Layer {
        try Architecture(
            name: name, stem: stem, classes: classes, input: [side, side, 3], normalization: normalization
        ).makeLayer()
    }

    /// A network with the formula's values.
    func model(of layer: any Layer, side: Int) throws -> Model {
        let input: TensorShape = [side, side, 3]
        return try Model(
            layer, input: input, variables: TorchvisionWeights.variables(of: layer, input: input))
    }

    /// 64 hidden units in place of 4,096, which have most of the parameters.
    private static func narrowed(_ layer: any Layer) -> any Layer {
        var vgg = layer as! VGG
        vgg.hidden = 64
        return vgg
    }
}

/// What a fixture of the zoo says of itself.
struct ZooDescription: Decodable {
    struct Published: Decodable {
        var parameters: Int?
        var gigaMultiplyAdds: Double?
    }

    /// How far PyTorch's run in f32 is from its run in f64.
    struct Rounding: Decodable {
        var inference: Double
        var training: Double
        var loss: Double
        var gradients: Double
    }

    /// Path and extents of each variable of the original with 1,000 classes.
    var variables: [String]
    var parameters: Int
    var multiplyAdds: Int?
    var published: Published?
    var labels: [Int32]
    /// The side of the small images, and of those that the network is made for.
    var side: Int
    var own: Int?
    var rounding: Rounding?
}
