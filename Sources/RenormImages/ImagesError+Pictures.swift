import RenormArrays

extension ImagesError {
    /// What is said of lists of pictures and of what they are made from.
    var picturesDescription: String {
        switch self {
        case .noPictures(let path, let others, let hidden):
            (others.isEmpty
                ? "\(path.visible) holds no file\(hidden > 0 ? " (\(hidden) hidden)" : "")"
                : "\(path.visible) holds no picture, but other files: \(PictureListReport.listed(others))")
                + ". Expected pictures (\(pictureKinds)) in folders, a folder a class. Check the path."
        case .picturesWithoutClasses(let path, let folders) where folders.isEmpty:
            "\(path.visible) holds pictures, but no folders. Expected a folder for each class with its pictures in it: its "
                + "name is the class's. Move the pictures into such folders, or write a table of paths and labels."
        case .picturesWithoutClasses(let path, let folders):
            "The folders of \(path.visible), \(folders.few()), hold pictures, but no folders. Expected in each of these parts a "
                + "folder for each class with its pictures in it. Move the pictures into such folders, or write a table "
                + "of paths and labels."
        case .oneClass(let path, let name, let below):
            "\(path.visible) holds pictures of one class, '\(name.visible)'. Expected at least two, a folder for each. "
                + (below.count > 1
                    ? "If \(below.few()) are the classes, name the folder that holds them."
                    : "Add the folder of another class, or name the folder that holds the classes' folders.")
        case .unclearParts(let path, let folders) where folders.count == 1:
            "\(path.visible) holds a folder \(folders.few()), but none called 'train' with folders of classes in it. "
                + "Expected parts (train, and val or test beside it), or folders of classes alone. "
                + "Add train/, or give the folder another name if it is a class."
        case .unclearParts(let path, let folders):
            "\(path.visible) holds the folders \(folders.few()). Expected one folder train with folders of classes in it, and at "
                + "most one val and one test beside it. Rename or join the others."
        case .unknownClasses(let path, let names, let known):
            "\(path.visible) holds pictures of the class\(names.count == 1 ? "" : "es") \(names.few()), which "
                + "\(names.count == 1 ? "is" : "are") unknown. Expected the classes of the training pictures: "
                + "\(known.few(20)). Rename or remove what is not among them, or add it to the training pictures."
        case .brokenPictures(let path, let problems, let of):
            "\(problems.count) of \(of) pictures of \(path.visible) cannot be read:\(problems.listed())\n"
                + "Expected pictures (\(pictureKinds)) that are whole. Mend or remove them, or have broken ones left out."
        case .noSources(let path, let level):
            "No class of \(path.visible) holds a folder at level \(level) below its own. Expected folders there, whose names are the "
                + "sources (cameras, places). Choose another level, or none."
        case .changedPicture(let path, let found, let expected):
            "\(path.visible) has changed while it was in use: it has \(found) bytes now. Expected the \(expected) that it had when "
                + "the list of pictures was made. Leave the pictures as they are during a run, or begin again."
        case .compressedTar(let path, let packing):
            "\(path.visible) is compressed by \(packing). Expected a plain .tar archive, whose pictures can be read where they are. "
                + "Unpack it: \(unpacking(path, packing))."
        case .damagedTar(let path, let offset, let reason):
            "\(path.visible) is no tar archive, or a damaged one: \(reason), at byte \(offset). "
                + "Expected a plain .tar archive. Fetch it again, or write it anew with tar."
        default: tableDescription
        }
    }

    private var tableDescription: String {
        switch self {
        case .damagedTable(let path, let line, let reason):
            "\(path.visible), line \(line): \(reason.visible). Expected a table of values separated by commas, semicolons or tabs, in "
                + "UTF-8, with the names of its columns in the first line. Correct it, or save it as CSV again."
        case .missingColumn(let path, let wanted, let found):
            "\(path.visible) has no column \(wanted.few()) in its first line, but \(found.few(20)). Expected "
                + "one called so. Rename the column, or say what it is called."
        case .tableValue(let path, let line, let column, let found, let expected):
            "\(path.visible), line \(line): '\(found.visible)' in the column '\(column.visible)'. Expected \(expected.visible). "
                + "Correct the line."
        case .repeatedPicture(let path, let line, let first, let picture):
            "\(path.visible), line \(line): '\(picture.visible)' stands in line \(first) already. Expected each picture once. "
                + "Remove one of the lines."
        case .cacheTooLarge(let place, let needed, let budget, let isGiven):
            "The decoded pictures need \(bytesText(needed)) of \(place.visible), and \(bytesText(budget)) "
                + (isGiven ? "were allowed" : "are half of what is free")
                + ". Expected room for all. Make the pictures smaller, allow more, or do without the cache."
        case .unusableCache(let path, let reason):
            "The cache \(path.visible) cannot be used: \(reason). Expected a folder with room that may be written to. "
                + "Choose another folder, or do without the cache."
        default: preconditionFailure("not about pictures")
        }
    }

    private func unpacking(_ path: String, _ packing: String) -> String {
        let file = path.visible.shellQuoted
        return switch packing {
        case "zip": "unzip \(file)"
        default: "\(packing) -dk \(file)"
        }
    }
}

/// What can be decoded, as messages list it.
private let pictureKinds = "JPEG, PNG, WebP, GIF or BMP"

/// A number of bytes for people: `3.2 GB`.
func bytesText(_ count: Int) -> String {
    let units = ["bytes", "kB", "MB", "GB", "TB"]
    var (value, unit) = (Double(count), 0)
    while value >= 1000, unit < units.count - 1 { (value, unit) = (value / 1000, unit + 1) }
    return unit == 0 ? "\(count) bytes" : "\(value.text(value < 9.95 ? "%.1f" : "%.0f")) \(units[unit])"
}
