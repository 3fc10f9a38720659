import Foundation

/// A folder whose pictures are wanted whatever their class.
public enum PictureFolder {
    /// The pictures in a folder and the folders below it, by their names' suffixes: paths relative to it, in their order.
    ///
    /// - Throws: `ImagesError.unreadable` for a folder that may not be read.
    public static func files(in folder: URL) throws -> [String] {
        let tree = try FolderWalk.tree(
            under: folder, threads: max(ProcessInfo.processInfo.activeProcessorCount, 2), poll: { _ in })
        var paths: [String] = []
        for folder in tree.folders {
            let start = String(decoding: folder.path, as: UTF8.self)
            for file in 0..<folder.files.count where claimsToBePicture(folder.files[file]) {
                let name = String(decoding: folder.files[file], as: UTF8.self)
                paths.append(start.isEmpty ? name : "\(start)/\(name)")
            }
        }
        return paths.sorted()
    }
}
