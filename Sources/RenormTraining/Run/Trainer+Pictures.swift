import Foundation
import RenormImages

extension Trainer {
    /// Writes the lists of pictures into the folder or, where they are there, sees that they name the same pictures.
    ///
    /// - Throws: `TrainingError.otherPictures`; `FormatError` if there is no room for them; `ImagesError` if a list in the folder is damaged.
    func keepPictures() throws {
        guard let folder else { return }
        for (source, list) in pictures.enumerated() {
            let file = folder.pictures(of: source)
            guard folder.hasCheckpoint, FileManager.default.fileExists(atPath: file.path) else {
                try list.write(to: file)
                continue
            }
            let differences = try list.differences(from: file)
            guard differences.isEmpty else {
                throw TrainingError.otherPictures(path: file.path, differences: "\(differences)")
            }
        }
    }
}
