import ArgumentParser
import Renorm

// Options about pictures in files: --data images: and csv:.

/// How files of pictures are found and read.
struct PictureListArguments: OptionTable {
    @Option(
        Row(
            "csv: the columns of paths, labels, parts and sources, as path=file,label=breed.",
            resuming: .configures(["data"]), valueName: "names",
            discussion: """
                Parts (train, val, test) and sources (such as cameras) may be missing. (default: the columns that are called path, file, \
                filename or image; label, class or target; split, part or set; source or camera)
                """))
    var columns: PictureTableColumns?

    @Option(
        Row(
            "images: the folder below a class that names a picture's source, such as a camera: 1 for the first.",
            .atLeast(1), resuming: .configures(["data"]), valueName: "n",
            discussion:
                "Sources are what --sampling source-blocks:N takes turns with. (default: there are none)"))
    var sourceLevel: Int?

    @Flag(
        Row(
            "Leave out pictures that cannot be read, and count them, in place of stopping.", resuming: .free))
    var skipBroken = false

    @Flag(
        Row(
            "Decode every picture before anything else, to find all that are broken. (without: headers alone are read)",
            resuming: .free))
    var checkImages = false

    @Option(
        Row(
            "The most pixels that a picture may announce; larger ones are refused by name.", .atLeast(1),
            resuming: .configures(["data"]), valueName: "n"))
    var maxPixels = DecodingOptions.defaultMaxPixels
}

/// Where decoded pictures are kept.
struct CacheArguments: OptionTable {
    @Option(
        Row(
            "Keep decoded pictures: \(ImageCache.expected); later passes do not decode them.",
            resuming: .free,
            discussion: """
                Training pictures are kept at the size that crops are cut out of, held-out ones at the network's. A folder's file is used by \
                later runs on the same pictures. The numbers are the same with and without.
                """))
    var cache = ImageCache.none

    @Option(
        Row(
            "The most that they may take: \(ByteCount.expected). (default: half of the memory or disk that is free)",
            resuming: .free))
    var cacheBudget: ByteCount?
}

/// How pictures become a network's input.
struct PreparationArguments: OptionTable {
    @Option(
        Row(
            "The size of pictures for the network: \(PictureOptions.Size.expected).",
            resuming: .configures(["data.image", "data.framing", "architecture.input"]),
            discussion: """
                (default: 224; that of the pictures where all have one of at most 64; images of IDX files stay as they are)
                """))
    var size: PictureOptions.Size?

    @Option(
        Row(
            "Pictures of another shape: \(Fit.names).", resuming: .configures(["data.framing"]),
            discussion: """
                crop: resized so that 7/8 of the shorter side fit, and the middle cut out; crop:1: all of the shorter side. squash: the whole, its ratio \
                not kept. letterbox: the whole, with black beside it. So pictures are prepared in validation, evaluation and prediction; \
                training draws its own crops with --augment photo.
                """))
    var resize = Fit.crop()

    @Option(
        Row(
            "How pixels between pixels are made: \(Interpolation.expected).",
            resuming: .configures(["data.framing"])))
    var interpolation = Interpolation.bilinear

    @Option(
        Row(
            "1 for gray, 3 for colours. (default: as the pictures have in common)",
            .of { Fault("\($0)", "1 or 3", unless: $0 == 1 || $0 == 3) },
            resuming: .configures(["data.image", "data.framing", "architecture.input"]), valueName: "n"))
    var channels: Int?

    @Option(
        Row(
            "What shows where pictures are transparent: \(DecodingOptions.Background.expected).",
            resuming: .configures(["data.framing"])))
    var background = DecodingOptions.Background.white

    @Option(
        Row(
            "What is subtracted from pixels (as parts of 255): \(ChannelValues.expected).",
            resuming: .configures(["scaling"])))
    var mean = ChannelValues.measured

    @Option(
        Row(
            "What they are divided by then: \(ChannelValues.expected).", resuming: .configures(["scaling"])))
    var deviation = ChannelValues.measured
}
