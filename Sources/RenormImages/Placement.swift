/// How a picture is brought into a place: which part of it, at what size, mirrored or not.
///
/// The crop may reach outside the picture. Where the middle of a new pixel is outside, the new pixel is 0; inside it is
/// made of the picture's own pixels alone.
public struct Placement: Hashable, Sendable {
    /// A rectangle in a picture, in its pixels; (0, 0) is the upper left corner of the first one.
    public struct Crop: Hashable, Sendable {
        /// The distance of its upper edge from the picture's: negative above it.
        public var top: Double
        /// The distance of its left edge from the picture's: negative on the left of it.
        public var left: Double
        /// Its height, above 0.
        public var height: Double
        /// Its width, above 0.
        public var width: Double

        /// A rectangle.
        public init(top: Double, left: Double, height: Double, width: Double) {
            self.top = top
            self.left = left
            self.height = height
            self.width = width
        }
    }

    /// Rows and columns of a whole picture.
    struct Whole: Hashable, Sendable {
        var height: Int
        var width: Int
    }

    /// What is cut out.
    public var crop: Crop { didSet { whole = nil } }
    /// The height that it gets.
    public var height: Int { didSet { whole = nil } }
    /// The width that it gets.
    public var width: Int { didSet { whole = nil } }
    /// How it is brought to that size, if it has another.
    public var interpolation: Interpolation
    /// The size that the whole picture gets if it is resized first and then cut; `nil`: the crop is cut out first, as always where
    /// crop or size have been changed. It decides the last bit of weights, and which direction comes first.
    var whole: Whole?
    /// Whether left and right are exchanged at the end.
    public var isMirrored: Bool
    /// Whether top and bottom are exchanged at the end.
    public var isFlipped: Bool

    /// Places a crop.
    public init(
        _ crop: Crop, height: Int, width: Int, interpolation: Interpolation = .bilinear,
        isMirrored: Bool = false, isFlipped: Bool = false
    ) {
        self.crop = crop
        self.height = height
        self.width = width
        self.interpolation = interpolation
        self.isMirrored = isMirrored
        self.isFlipped = isFlipped
    }

    /// A whole picture at a size; the ratio of its sides is not kept.
    public init(whole picture: ImageSize, height: Int, width: Int, interpolation: Interpolation = .bilinear) {
        self.init(
            Crop(top: 0, left: 0, height: Double(picture.height), width: Double(picture.width)),
            height: height, width: width, interpolation: interpolation)
    }

    /// Where the crop begins, if its pixels are the new ones: it has their size and begins at the edge of a pixel.
    var copiedFrom: (top: Int, left: Int)? {
        guard crop.height == Double(height), crop.width == Double(width),
            let top = Int(exactly: crop.top), let left = Int(exactly: crop.left)
        else { return nil }
        return (top, left)
    }

    /// Whether it leaves a picture of this size as it is.
    func isWhole(of picture: ImageSize) -> Bool {
        guard let (top, left) = copiedFrom else { return false }
        return top == 0 && left == 0 && height == picture.height && width == picture.width && !isMirrored
            && !isFlipped
    }

    /// The rows and columns of a picture that its new pixels are made of; empty ranges if it is wholly outside.
    public func pixelsNeeded(of picture: ImageSize) -> (rows: Range<Int>, columns: Range<Int>) {
        (
            Stretch(
                crop.top, crop.height, of: picture.height, to: height, among: whole?.height,
                by: interpolation
            ).span,
            Stretch(
                crop.left, crop.width, of: picture.width, to: width, among: whole?.width, by: interpolation
            ).span
        )
    }

    /// What each new row and column is made of.
    func fill(_ rows: inout FilterTaps, _ columns: inout FilterTaps, of picture: ImageSize) {
        rows.fill(
            from: crop.top, length: crop.height, of: picture.height, to: height, among: whole?.height,
            by: interpolation)
        columns.fill(
            from: crop.left, length: crop.width, of: picture.width, to: width, among: whole?.width,
            by: interpolation)
    }
}
