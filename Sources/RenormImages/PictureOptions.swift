import Foundation

/// How files of pictures are found, read and brought to one size.
public struct PictureOptions: Sendable {
    /// How they are found, and which of them are taken.
    public var list = PictureListOptions()
    /// The lists of a run's pictures, if these are to be measured by that run. Pictures that nothing parts are split as they were for it
    /// if they are the same as those of a list; others, which it was not trained on, all belong to the test part.
    public var runLists: [URL]?
    /// The height and width that pictures get; `nil`: that of the pictures, if they all have one of at most
    /// `PictureOptions.largestOwnSide`, else `PictureOptions.defaultSide` for both.
    public var size: Size?
    /// What happens where their sides have another ratio.
    public var fit: Fit
    /// How pixels between pixels are made.
    public var interpolation: Interpolation
    /// 1 for gray, 3 for colours; `nil`: as the files have in common.
    public var channels: Int?
    /// What shows where they are transparent.
    public var background = DecodingOptions.Background.white

    /// A height and a width.
    public struct Size: Hashable, Sendable {
        /// Rows of pixels.
        public var height: Int
        /// Pixels in a row.
        public var width: Int

        /// A size; each number is at least 1.
        public init(height: Int, width: Int) { (self.height, self.width) = (height, width) }
    }

    /// The side that pictures of different sizes get by default.
    public static let defaultSide = 224
    /// The longest side of pictures that are all of one size at which they keep it by default.
    public static let largestOwnSide = 64

    /// Options.
    public init(
        size: Size? = nil, fit: Fit = .crop(), interpolation: Interpolation = .bilinear, channels: Int? = nil
    ) {
        self.size = size
        self.fit = fit
        self.interpolation = interpolation
        self.channels = channels
    }
}
