/// How the image enters a network of the zoo that was made for large images.
public enum Stem: String, Sendable, Hashable, Codable, CaseIterable {
    /// For images of 28 to 64 pixels. ResNets: a 3×3 convolution with stride 1, no pooling. MobileNetV2: the first
    /// convolution and the stage of 24 channels have stride 1 in place of 2.
    case cifar
    /// For images of about 224 pixels, as torchvision's. ResNets: a 7×7 convolution with stride 2, then max pooling
    /// with stride 2. MobileNetV2: a 3×3 convolution with stride 2.
    case imagenet
}
