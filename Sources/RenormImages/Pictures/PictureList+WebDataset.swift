import Foundation
import RenormArrays

extension PictureListBuilder {
    /// Adds the pictures KEY.jpg (or .png, …) that have KEY.cls beside them; the key is the path up to the first point of its last
    /// part.
    ///
    /// - Parameter names: the archives' paths in the list.
    mutating func add(_ indices: [TarIndex], names: [[UInt8]]) throws {
        isParted = names.allSatisfy { Dataset.Part(wordOf: $0) != nil }
        for (archive, index) in indices.enumerated() {
            let labels = try readLabels(index)
            let part = Dataset.Part(wordOf: names[archive])
            var folders: [[UInt8]: Int32] = [:]
            for entry in 0..<index.paths.count {
                let path = index.paths[entry]
                let (key, ending) = TarIndex.parts(of: path)
                let name = path.suffix(
                    from: path.lastIndex(of: UInt8(ascii: "/")).map { $0 + 1 } ?? path.startIndex)
                if FileTree.isHidden(name) {
                    report.hidden += 1
                    continue
                }
                guard pictureSuffixes.contains(String(decoding: ending, as: UTF8.self)) else {
                    if !ending.elementsEqual("cls".utf8) { report.others[suffix(of: name), default: 0] += 1 }
                    continue
                }
                let inside = Array(
                    path.dropLast(name.count).drop { $0 == UInt8(ascii: ".") || $0 == UInt8(ascii: "/") })
                let folder =
                    folders[inside]
                    ?? {
                        let number = Int32(columns.folders.count)
                        let slash = [UInt8(ascii: "/")]
                        columns.folders.append(names[archive] + (inside.isEmpty ? slash : slash + inside))
                        folders[inside] = number
                        return number
                    }()
                let label = labels[key]
                if label == nil {
                    faults[columns.count] =
                        "\(index.file.path.visible): '\(String(decoding: path, as: UTF8.self).visible)' has no .cls file "
                        + "with its class beside it. Expected one of the same name. Add it, or remove the picture."
                }
                columns.append(
                    name: name, folder: folder, size: index.sizes[entry],
                    label: classes.number(of: label ?? ""), part: part ?? .training)
                columns.archive.append(Int32(archive))
                columns.offset.append(index.offsets[entry])
            }
        }
        if let level = options.sourceLevel { throw ImagesError.noSources(path: path, level: level) }
    }

    /// The classes of an archive's keys.
    private func readLabels(_ index: TarIndex) throws -> [[UInt8]: String] {
        var labels: [[UInt8]: String] = [:]
        for entry in 0..<index.paths.count {
            let (key, ending) = TarIndex.parts(of: index.paths[entry])
            guard ending.elementsEqual("cls".utf8) else { continue }
            var bytes = [UInt8](repeating: 0, count: min(index.sizes[entry], 4096))
            _ = try bytes.withUnsafeMutableBytes { try index.file.read(at: index.offsets[entry], into: $0) }
            labels[key] = String(decoding: bytes, as: UTF8.self).trimmingCharacters(
                in: .whitespacesAndNewlines)
        }
        return labels
    }
}

extension TarIndex {
    /// A path up to the first point of its last part, and what follows that, in small letters.
    fileprivate static func parts(of path: ArraySlice<UInt8>) -> (key: [UInt8], ending: [UInt8]) {
        let name = path.lastIndex(of: UInt8(ascii: "/")).map { path.index(after: $0) } ?? path.startIndex
        guard let point = path[name...].firstIndex(of: UInt8(ascii: ".")) else { return (Array(path), []) }
        let ending = path[path.index(after: point)...].map { (0x41...0x5A).contains($0) ? $0 | 0x20 : $0 }
        return (Array(path[..<point]), ending)
    }
}
