import Foundation
import RenormArrays

/// What happens while data are opened.
public enum DataEvent: Sendable {
    /// A list of pictures is being made.
    case listing(PictureListProgress)
    /// A list of pictures has been made.
    case listed(PictureList)
}

extension DataSources {
    static let images = Row(
        help: "for a folder of pictures, a folder a class, or .tar files of them", isPath: true,
        classNames: nil, parts: Set(Dataset.Part.allCases)
    ) { request in
        try pictures(request) { url, options, progress in
            try PictureList(url, options: options, progress: progress)
        }
    }

    static let csv = Row(
        help: "for a table of paths and labels", isPath: true, classNames: nil,
        parts: Set(Dataset.Part.allCases)
    ) { request in
        try pictures(request) { url, options, progress in
            try PictureList(table: url, options: options, progress: progress)
        }
    }

    /// A part of a list of pictures; `nil` if the list has no such part.
    private static func pictures(
        _ request: DataRequest,
        list: (URL, PictureListOptions, (PictureListProgress) throws -> Void) throws -> PictureList
    ) throws -> Dataset? {
        let list = try request.opening.once {
            var options = request.pictures.list
            if let known = request.classNames { options.classNames = known }
            let url = URL(fileURLWithPath: request.argument!)
            var list = try list(url, options) { try request.observe(.listing($0)) }
            if let runLists = request.pictures.runLists, list.isSplit,
                try !runLists.contains(where: { try list.differences(from: $0).isEmpty })
            {
                list = list.joined(as: .test)
            }
            try request.observe(.listed(list))
            return list
        }
        let part = request.part
        guard list.parts.contains(part) else { return nil }
        let framing = request.framing ?? request.pictures.framing(of: list)
        let files = PictureFiles(
            list,
            options: DecodingOptions(
                channels: framing.size.channels, background: framing.background,
                maxPixels: request.pictures.list.decoding.maxPixels))
        let images: any ImageSource =
            request.pictures.list.skipsBroken ? ReplacedImages(files, of: list) : files
        let name = request.part == .training ? list.name : "\(list.name), \(request.part.rawValue)"
        return try Dataset(list.datasetIndex, images: images, framing: framing)
            .subset(list.pictures(of: part), name: name)
    }
}

extension PictureOptions {
    /// How the pictures of a list are framed.
    func framing(of list: PictureList) -> Framing {
        let channels = channels ?? list.commonChannels
        let own = list.commonSize.flatMap { size in
            max(size.height, size.width) <= PictureOptions.largestOwnSide ? size : nil
        }
        let side = PictureOptions.defaultSide
        return Framing(
            size: ImageSize(
                height: size?.height ?? own?.height ?? side, width: size?.width ?? own?.width ?? side,
                channels: channels),
            fit: fit, interpolation: interpolation, background: background)
    }
}
