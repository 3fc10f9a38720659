import Foundation
import Renorm
import Serving

extension Options {
    static let names: Set<String> = [
        "serve", "pictures", "size", "cache", "network", "batch", "steps", "block", "threads", "precision",
        "workers", "augment",
    ]

    /// What is read: photographs of a folder, or Fashion-MNIST.
    func dataset() throws -> Dataset {
        guard let folder = self["pictures"] else { return try Dataset.fashionMNIST().training }
        let list = try PictureList(URL(fileURLWithPath: folder))
        let side = try number("size", default: 224)
        // As training reads them: photographs that are much too large are decoded smaller.
        let files = PictureFiles(list)
        let images = files.reduced(toShortSide: side)
        let cache = try ImageCache(parsing: self["cache"] ?? "none")
        let size = ImageSize(height: side, width: side, channels: files.options.channels)
        return try Dataset(
            list.datasetIndex, images: cache.keeping(images, identity: images.cacheIdentity),
            framing: Framing(size: size, fit: .crop()))
    }

    /// What happens to a training image: torchvision's random resized crop and flip for photographs.
    func augmentation() throws -> Augmentation {
        let usual = self["pictures"] == nil ? "standard" : "photo scale=0.08..1 jitter=0"
        return try Augmentation(parsing: self["augment"] ?? usual)
    }

    /// Its means and deviations.
    func scaling(of dataset: Dataset) throws -> InputScaling {
        self["pictures"] == nil
            ? try InputScaling(of: dataset)
            : InputScaling(mean: [0.485, 0.456, 0.406], deviation: [0.229, 0.224, 0.225])
    }
}
