/// Mean and variance of each channel in each of some images, over the positions of the image.
package struct ImageMoments: Sendable {
    /// The number of images.
    package private(set) var count = 0
    /// The number of channels.
    package private(set) var channels = 0
    /// The number of positions of an image, over which its moments are.
    package private(set) var positions = 0
    /// The means, image after image.
    package private(set) var means: [Double] = []
    /// The mean squared differences from the image's mean, image after image.
    package private(set) var variances: [Double] = []

    /// Moments of no image.
    package init() {}

    /// Adds images by their moments `[2, images, channels]`.
    package mutating func add(_ values: [Double], images: Int, positions: Int) {
        channels = values.count / 2 / max(images, 1)
        self.positions = positions
        means += values[..<(values.count / 2)]
        variances += values[(values.count / 2)...]
        count += images
    }
}
