import Renorm

extension Dataset {
    /// The same examples at the size that a network takes: images in memory, such as those of IDX files, are resized as pictures in
    /// files are.
    func framed(as preparation: Preparation) throws -> Dataset {
        let wanted = preparation.framing.size
        // What cannot be is said by whoever looks at the shapes.
        guard size != wanted, channels == wanted.channels, imageSource.count == count, sources.count == 1
        else { return self }
        return try Dataset(index, images: imageSource, framing: preparation.framing)
    }
}
